"""A tree against the catalogue: what does not fit is named with its path."""

from typing import Any

import pytest

from personalization.conditions.fields import Catalogue, EventSpec, FieldSpec, validate
from personalization.conditions.tree import parse

CATALOGUE = Catalogue(
    fields={
        spec.path: spec
        for spec in (
            FieldSpec("attributes.country", "text", "Country", choices=("DE", "FR")),
            FieldSpec("attributes.city", "text", "City"),
            FieldSpec("attributes.birthday", "date", "Birthday"),
            FieldSpec("attributes.newsletter", "boolean", "Newsletter"),
            FieldSpec("attributes.sizes", "list", "Sizes"),
            FieldSpec("traits.spent", "number", "Spent", purpose="profiling"),
        )
    },
    events={
        "Product Viewed": EventSpec(
            "Product Viewed", "Product viewed", properties={"category": "text", "n": "number"}
        ),
        "Signed Up": EventSpec("Signed Up", "Signed up"),
    },
    segments=frozenset({"vip"}),
)


def faults(tree: dict[str, Any]) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in validate(parse(tree), CATALOGUE)]


def test_a_fitting_tree_has_no_faults() -> None:
    assert (
        faults(
            {
                "all": [
                    {"field": "attributes.country", "op": "in", "value": ["DE"]},
                    {"field": "attributes.city", "op": "eq", "value": "2026-01-01"},
                    {"field": "attributes.birthday", "op": "before", "value": "2000-01-01"},
                    {"field": "attributes.newsletter", "op": "eq", "value": True},
                    {"field": "attributes.sizes", "op": "includes_any", "value": ["M"]},
                    {"field": "attributes.sizes", "op": "eq", "value": ["M", "L"]},
                    {"field": "traits.spent", "op": "between", "value": [1, 2.5]},
                    {"segment": "vip"},
                    {
                        "event": "Product Viewed",
                        "where": {"field": "product.brand", "op": "eq", "value": "Acme"},
                        "sum": {"property": "n", "op": "gt", "value": 1},
                    },
                    {
                        "event": "Signed Up",
                        "where": {"field": "anything", "op": "is_set"},
                        "avg": {"property": "total", "op": "gt", "value": 1},
                    },
                ]
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("condition", "path", "says"),
    [
        ({"field": "attributes.county", "op": "is_set"}, "", "did you mean “attributes.country”"),
        ({"field": "xyz", "op": "is_set"}, "", "choose one from the catalogue"),
        ({"field": "attributes.country", "op": "gt", "value": 1}, "", "use one of: eq, ne"),
        ({"field": "traits.spent", "op": "contains", "value": "1"}, "", "does not fit"),
        ({"field": "traits.spent", "op": "gt", "value": "2026-01-01"}, "", "a number such as"),
        ({"field": "traits.spent", "op": "eq", "value": "200"}, "", "a number such as"),
        ({"field": "attributes.birthday", "op": "eq", "value": "soon"}, "", "ISO date"),
        ({"field": "attributes.birthday", "op": "gt", "value": 5}, "", "ISO date"),
        ({"field": "attributes.newsletter", "op": "eq", "value": "yes"}, "", "true or false"),
        ({"field": "attributes.city", "op": "in", "value": [1]}, "", "a text such as"),
        ({"field": "attributes.sizes", "op": "eq", "value": "M"}, "", "a list such as"),
        ({"field": "attributes.sizes", "op": "contains", "value": "M"}, "", "includes_any"),
        ({"field": "attributes.country", "op": "eq", "value": "DD"}, "", "did you mean “DE”"),
        ({"segment": "vp"}, "", "did you mean “vip”"),
        ({"event": "Product View"}, "", "did you mean “Product Viewed”"),
        (
            {"event": "Product Viewed", "where": {"field": "colour", "op": "is_set"}},
            ".where",
            "no property “colour”",
        ),
        (
            {"event": "Product Viewed", "where": {"field": "n", "op": "eq", "value": "3"}},
            ".where",
            "a number such as",
        ),
        (
            {"event": "Signed Up", "where": {"field": "product.id", "op": "is_set"}},
            ".where",
            "product.product_id",
        ),
        (
            {
                "event": "Product Viewed",
                "sum": {"property": "category", "op": "gt", "value": 1},
            },
            ".sum",
            "needs a number",
        ),
        (
            {"event": "Product Viewed", "avg": {"property": "price", "op": "gt", "value": 1}},
            ".avg",
            "no property “price”",
        ),
        (
            {
                "sequence": [
                    {"event": "Signed Up"},
                    {"not": {"event": "Signed Out"}, "for": {"days": 1}},
                ]
            },
            ".sequence[1].not",
            "“Signed Up”",
        ),
    ],
)
def test_a_condition_that_does_not_fit_is_named_with_its_path(
    condition: dict[str, Any], path: str, says: str
) -> None:
    found = faults({"any": [{"segment": "vip"}, condition]})

    assert [at for at, _ in found] == [f"any[1]{path}"]
    assert says in found[0][1]


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        {
            "all": [
                {"field": "no.such", "op": "is_set"},
                {"not": {"segment": "none"}},
                {"event": "None", "where": {"field": "product.no", "op": "is_set"}},
            ]
        }
    )

    assert [path for path, _ in found] == ["all[0]", "all[1].not", "all[2]", "all[2].where"]


def test_segments_are_not_checked_where_they_are_not_known() -> None:
    catalogue = Catalogue(fields={}, events={})

    assert validate(parse({"segment": "any"}), catalogue) == []
