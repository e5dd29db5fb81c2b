"""Whatever a tracker calls an event and its products, it comes out in the words of the spec."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.commerce.names import STANDARD, canonical
from personalization.commerce.shaping import shape


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Product Viewed", "Product Viewed"),
        ("product_viewed", "Product Viewed"),
        ("ProductViewed", "Product Viewed"),
        ("  PRODUCT-VIEWED ", "Product Viewed"),
        ("order canceled", "Order Cancelled"),
        ("view_item", "Product Viewed"),
        ("add_to_cart", "Product Added"),
        ("purchase", "Order Completed"),
        ("refund", "Order Refunded"),
        ("ViewContent", "Product Viewed"),
        ("AddToCart", "Product Added"),
        ("InitiateCheckout", "Checkout Started"),
        ("Purchase", "Order Completed"),
        ("$pageview", "Page Viewed"),
        ("Newsletter read", "Newsletter read"),
        ("Größe gewählt", "Größe gewählt"),
    ],
)
def test_a_name_is_found_whatever_its_case_and_separators(theirs: str, ours: str) -> None:
    assert canonical(theirs) == ours


@given(st.sampled_from(STANDARD), st.sampled_from(["", "_", "-", "."]), st.booleans())
def test_every_standard_name_survives_folding(name: str, separator: str, upper: bool) -> None:
    written = separator.join(name.split())

    assert canonical(written.upper() if upper else written.lower()) == name
    assert canonical(name) == name


def test_google_analytics_items_become_products() -> None:
    name, properties = shape(
        "purchase",
        {
            "transaction_id": "T-1",
            "value": 30.5,
            "currency": "EUR",
            "items": [
                {
                    "item_id": 17,
                    "item_name": "Boots",
                    "item_brand": "Alp",
                    "item_category": "shoes",
                    "item_variant": "brown",
                    "price": 15.25,
                    "quantity": 2,
                }
            ],
        },
    )

    assert name == "Order Completed"
    assert properties["order_id"] == "T-1"
    assert "items" not in properties
    assert properties["products"][0] == {
        "item_id": 17,
        "item_name": "Boots",
        "item_brand": "Alp",
        "item_category": "shoes",
        "item_variant": "brown",
        "price": 15.25,
        "quantity": 2,
        "product_id": "17",
        "name": "Boots",
        "brand": "Alp",
        "category": "shoes",
        "variant": "brown",
    }


def test_meta_contents_and_content_ids_become_products() -> None:
    _, contents = shape("Purchase", {"contents": [{"id": "A", "quantity": 3, "item_price": 2}]})
    _, ids = shape("AddToCart", {"content_ids": ["A", "B"]})
    _, one = shape("ViewContent", {"content_ids": "A"})

    assert contents["products"] == [
        {"id": "A", "quantity": 3, "item_price": 2, "product_id": "A", "price": 2}
    ]
    assert ids["products"] == [{"product_id": "A"}, {"product_id": "B"}]
    assert one["products"] == [{"product_id": "A"}]


def test_products_given_as_bare_ids_become_lines() -> None:
    _, properties = shape("Order Completed", {"order_id": "1", "products": ["A", 7]})

    assert properties["products"] == [{"product_id": "A"}, {"product_id": "7"}]


@pytest.mark.parametrize("key", ["productId", "sku"])
def test_one_product_is_known_by_other_names_of_its_id(key: str) -> None:
    assert shape("Product Viewed", {key: "A-1"})[1]["product_id"] == "A-1"


def test_the_spec_wins_where_both_names_are_given() -> None:
    _, properties = shape("purchase", {"order_id": "ours", "transaction_id": "theirs"})

    assert properties["order_id"] == "ours"


def test_a_refund_of_some_products_is_worth_what_they_cost() -> None:
    lines = [{"product_id": "A", "price": "2.50", "quantity": 2}, {"product_id": "B", "price": 1}]

    assert shape("Order Refunded", {"products": lines})[1]["total"] == Decimal("6.00")
    assert shape("Order Refunded", {"products": lines, "total": 4})[1]["total"] == 4
    assert "total" not in shape("Order Refunded", {"products": [{"product_id": "A"}]})[1]
    assert "total" not in shape("Order Refunded", {"order_id": "1"})[1]


def test_what_nobody_knows_stays_as_it_was() -> None:
    given_ = {"colour": "red", "nested": {"items": [1]}}

    assert shape("Paint mixed", given_) == ("Paint mixed", given_)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["products", "items", "contents", "content_ids", "sku", "productId", "transaction_id", "x"]
)


@given(st.sampled_from([*STANDARD, "purchase", "zzz"]), st.dictionaries(KEYS, JSON))
def test_no_property_makes_it_fail_or_changes_what_was_given(
    name: str, properties: dict[str, Any]
) -> None:
    before = json.dumps(properties)

    _, shaped = shape(name, properties)

    assert json.dumps(properties) == before
    assert shape(name, shaped)[1].keys() == shaped.keys()
