"""The catalogue comes in by file."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalization.models import Product
from tests.personalization.importing_support import NOON, Rejections, load, product

pytestmark = pytest.mark.django_db

BOOTS = {
    "product_id": "b-1",
    "name": "Boots",
    "category": "shoes",
    "price": "79.9",
    "currency": "eur",
    "url": "https://shop.example/b-1",
    "in_stock": "no",
    "colour": "red",
}


def test_product_is_made_with_what_the_row_says() -> None:
    outcome = load("products", BOOTS)

    made = Product.objects.get(product_id="b-1")
    assert outcome.loaded == 1
    assert (made.name, made.price, made.currency) == ("Boots", Decimal("79.90"), "EUR")
    assert (made.in_stock, made.is_active, made.brand) == (False, True, "")
    assert made.attributes == {"colour": "red"}


def test_second_run_changes_nothing() -> None:
    load("products", BOOTS)
    before = list(Product.objects.values())

    outcome = load("products", BOOTS, now=NOON.replace(hour=13))

    assert (outcome.loaded, outcome.unchanged) == (0, 1)
    assert list(Product.objects.values()) == before


def test_known_product_changes_only_where_a_cell_says_something() -> None:
    load("products", BOOTS)

    outcome = load("products", {"product_id": "b-1", "price": 59, "category": ""})

    changed = Product.objects.get(product_id="b-1")
    assert outcome.loaded == 1
    assert (changed.price, changed.category, changed.name) == (Decimal(59), "shoes", "Boots")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ({"price": "-1"}, "below zero"),
        ({"price": "12,50"}, "'12,50' is not a decimal number: write 12.50"),
        ({"price": "NaN"}, "not a decimal number"),
        ({"price": 10**12}, "more than 10 digits"),
        ({"price": ""}, "is missing: a product that is not in the catalogue yet needs it"),
        ({"currency": "€"}, "not a currency"),
        ({"url": "javascript:alert(1)"}, "not a link"),
        ({"in_stock": "perhaps"}, "not yes or no"),
        ({"product_id": " "}, "is missing"),
        ({"name": "x" * 301}, "longer than 300"),
        ({"name": "a\0b"}, "NUL"),
        ({"name": "a\ud800b"}, "not valid UTF-8"),
    ],
)
def test_bad_cell_is_reported_with_its_column_and_the_rest_is_loaded(
    cell: dict[str, object], reason: str
) -> None:
    rejected = Rejections()

    outcome = load("products", {**BOOTS, **cell}, {**BOOTS, "product_id": "ok"}, rejected=rejected)

    line, column, why = rejected.rows[0]
    assert (outcome.loaded, outcome.rejected) == (1, 1)
    assert (line, column) == (2, next(iter(cell)))
    assert reason in why
    assert [p.product_id for p in Product.objects.all()] == ["ok"]


def test_two_rows_of_one_product_end_in_the_later_one() -> None:
    load("products", BOOTS, {"product_id": "b-1", "name": "Better boots"})

    assert Product.objects.get().name == "Better boots"


def test_query_count_does_not_grow_with_the_rows() -> None:
    product("known")

    def queries(count: int) -> int:
        rows = [{**BOOTS, "product_id": f"{count}-{n}"} for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            load("products", *rows, {**BOOTS, "product_id": "known", "price": count})
        return len(captured)

    queries(1)
    assert queries(2) == queries(300) <= 10
