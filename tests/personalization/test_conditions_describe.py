"""A tree in one sentence."""

from dataclasses import replace
from typing import Any

import pytest

from personalization.conditions.describe import describe
from personalization.conditions.fields import Catalogue, FieldSpec
from personalization.conditions.tree import parse
from tests.personalization.test_conditions_tree import DOCUMENTED

CATALOGUE = Catalogue(
    fields={
        spec.path: spec
        for spec in (
            FieldSpec("traits.lifetime_value", "number", "Lifetime value", unit="EUR"),
            FieldSpec("attributes.vat", "text", "VAT number"),
            FieldSpec("traits.total_spent", "number", "Spent", unit="currency"),
            FieldSpec("traits.order_count", "number", "Orders in the last year", unit="orders"),
        )
    },
    events={},
)


def test_the_documented_tree_is_one_sentence() -> None:
    assert describe(parse(DOCUMENTED), catalogue=CATALOGUE) == (
        "Customers whose lifetime value is at least 200 EUR, either whose country is “DE” or “FR” "
        "or who are in the segment “vip”, who have viewed a product where category is “boots” at "
        "least 3 times in the last 7 days, whose total, added up over every time they completed "
        "an order in the last 365 days, is at least 100, who have added a product, then not "
        "completed an order in the 24 hours that followed, and whose newsletter is not known."
    )


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"all": []}, "All customers."),
        ({"segment": "vip"}, "Customers who are in the segment “vip”."),
        ({"not": {"segment": "vip"}}, "Customers who are not in the segment “vip”."),
        (
            {"not": {"event": "Order Completed", "within": {"days": 30}}},
            "Customers who have not completed an order in the last 30 days.",
        ),
        ({"not": {"not": {"event": "Signed Up"}}}, "Customers who have signed up."),
        ({"event": "Checkout"}, "Customers who have done “Checkout”."),
        (
            {"event": "Email Opened", "include_machine": True, "within": {"days": 1}},
            (
                "Customers who have opened an email (opens and clicks of machines included) "
                "in the last 1 day."
            ),
        ),
        (
            {"event": "Order Completed", "count": {"op": "eq", "value": 1}},
            "Customers who have completed an order exactly once.",
        ),
        (
            {"event": "Order Completed", "count": {"op": "between", "value": [2, 4]}},
            "Customers who have completed an order between 2 and 4 times.",
        ),
        (
            {"event": "Order Completed", "last": {"op": "not_within_last", "value": {"days": 90}}},
            "Customers who have completed an order for the last time at least 90 days ago.",
        ),
        (
            {"event": "Order Completed", "first": {"op": "after", "value": "2026-01-01"}},
            "Customers who have completed an order for the first time after 2026-01-01.",
        ),
        (
            {"event": "Order Completed", "avg": {"property": "total", "op": "lt", "value": 20.5}},
            (
                "Customers whose average total, over every time they completed an order, "
                "is less than 20.5."
            ),
        ),
        (
            {
                "event": "Order Completed",
                "where": {
                    "all": [
                        {"field": "product.category", "op": "eq", "value": "boots"},
                        {"not": {"field": "coupon", "op": "is_set"}},
                    ]
                },
            },
            (
                "Customers who have completed an order where (product category is “boots” "
                "and not coupon is known)."
            ),
        ),
        (
            {
                "sequence": [{"event": "A"}, {"event": "B", "within": {"hours": 2}}],
                "within": {"weeks": 1, "days": 2},
            },
            (
                "Customers who have done “A”, then done “B” within 2 hours, "
                "all in the last 1 week and 2 days."
            ),
        ),
        (
            {"not": {"field": "traits.lifetime_value", "op": "lt", "value": 5.0}},
            "Customers of whom it is not known that their lifetime value is less than 5 EUR.",
        ),
        (
            {"field": "attributes.vat", "op": "starts_with", "value": "DE"},
            "Customers whose VAT number starts with “DE”.",
        ),
        (
            {"field": "traits.total_spent", "op": "between", "value": [1, 2]},
            "Customers whose amount spent is between 1 and 2.",
        ),
        (
            {"not": {"event": "Email Sent", "within": {"days": 7}}},
            "Customers who have not been sent an email in the last 7 days.",
        ),
        ({"event": "Products Searched"}, "Customers who have searched for products."),
        (
            {"event": "Trial", "avg": {"property": "total", "op": "eq", "value": 1}},
            "Customers whose average total, over every time they have done “Trial”, is 1.",
        ),
        (
            {"field": "traits.order_count", "op": "gte", "value": 20},
            "Customers whose number of orders in the last year is at least 20.",
        ),
        (
            {"field": "attributes.born", "op": "gte", "value": "2000-01-31"},
            "Customers whose born is on or after 2000-01-31.",
        ),
        (
            {"field": "attributes.tags", "op": "includes_all", "value": ["a", "b"]},
            "Customers whose tags includes “a” and “b”.",
        ),
        (
            {"field": "attributes.country", "op": "not_in", "value": ["DE", "FR"]},
            "Customers whose country is known and is not “DE” or “FR”.",
        ),
        (
            {"field": "attributes.b", "op": "eq", "value": True},
            "Customers whose b is yes.",
        ),
        (
            {"not": {"any": [{"segment": "a"}, {"all": [{"segment": "b"}, {"segment": "c"}]}]}},
            (
                "Customers except those who are in the segment “a” or (who are in the segment “b” "
                "and who are in the segment “c”)."
            ),
        ),
        (
            {"all": [{"any": [{"segment": "a"}]}]},
            "Customers who are in the segment “a”.",
        ),
    ],
)
def test_a_condition_reads_as_english(tree: dict[str, Any], sentence: str) -> None:
    assert describe(parse(tree), catalogue=CATALOGUE) == sentence


def test_a_segment_is_called_by_its_name() -> None:
    known = replace(CATALOGUE, segment_names={"vip": "Best customers"})

    assert describe(parse({"not": {"segment": "vip"}}), catalogue=known) == (
        "Customers who are not in the segment “Best customers”."
    )
