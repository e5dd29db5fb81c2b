"""The condition tree in JSON: what is understood, and how the rest is refused."""

from datetime import timedelta
from typing import Any

import pytest

from personalization.conditions.tree import (
    AT_LEAST_ONCE,
    AllOf,
    Happened,
    Needs,
    TreeError,
    dump,
    needs,
    parse,
    walk,
)

DOCUMENTED: dict[str, Any] = {
    "all": [
        {"field": "traits.lifetime_value", "op": "gte", "value": 200},
        {
            "any": [
                {"field": "attributes.country", "op": "in", "value": ["DE", "FR"]},
                {"segment": "vip"},
            ]
        },
        {
            "event": "Product Viewed",
            "where": {"all": [{"field": "category", "op": "eq", "value": "boots"}]},
            "count": {"op": "gte", "value": 3},
            "within": {"days": 7},
        },
        {
            "event": "Order Completed",
            "sum": {"property": "total", "op": "gte", "value": 100},
            "within": {"days": 365},
        },
        {
            "sequence": [
                {"event": "Product Added"},
                {"not": {"event": "Order Completed"}, "for": {"hours": 24}},
            ]
        },
        {"not": {"field": "attributes.newsletter", "op": "is_set"}},
    ]
}
FIELD = {"field": "attributes.country", "op": "eq", "value": "DE"}


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = FIELD
    for _ in range(depth - 1):
        tree = {"not": tree}
    return tree


def test_the_documented_tree_comes_back_as_it_was_written() -> None:
    assert dump(parse(DOCUMENTED)) == DOCUMENTED


def test_equal_json_gives_equal_trees_that_can_be_keys() -> None:
    assert parse(DOCUMENTED) == parse(dump(parse(DOCUMENTED)))
    assert len({parse(DOCUMENTED), parse(DOCUMENTED)}) == 1


@pytest.mark.parametrize(
    "tree",
    [
        {"all": []},
        {"event": "Email Opened", "include_machine": True},
        {"event": "Order Completed", "last": {"op": "not_within_last", "value": {"days": 90}}},
        {"event": "Order Completed", "first": {"op": "after", "value": "2026-01-31"}},
        {
            "event": "Order Completed",
            "avg": {"property": "total", "op": "between", "value": [1, 2]},
        },
        {"field": "attributes.sizes", "op": "includes_all", "value": ["M", "L"]},
        {"field": "attributes.code", "op": "matches", "value": "^[A-Z]{2}\\d+$"},
        {"field": "traits.last_order_at", "op": "within_last", "value": {"weeks": 1, "days": 2}},
        {
            "sequence": [
                {"event": "Product Viewed", "where": FIELD},
                {"event": "Product Added", "within": {"minutes": 30}},
            ],
            "within": {"days": 3},
        },
    ],
)
def test_every_shape_survives_a_round_trip(tree: dict[str, Any]) -> None:
    assert dump(parse(tree)) == tree


def test_an_event_alone_means_at_least_once() -> None:
    explicit = {"event": "Product Viewed", "count": {"op": "gte", "value": 1}}

    assert parse(explicit) == parse({"event": "Product Viewed"})
    node = parse(explicit)
    assert isinstance(node, Happened)
    assert node.measure == AT_LEAST_ONCE


@pytest.mark.parametrize(
    ("tree", "path", "says"),
    [
        ([], "", "JSON object"),
        ({}, "", "exactly one of the keys"),
        ({"all": [], "any": []}, "", "all, any"),
        ({"all": {}}, "all", "list of conditions"),
        ({"any": []}, "any", "matches nobody"),
        ({"all": [FIELD, {"any": [FIELD, 5]}]}, "all[1].any[1]", "not int"),
        ({"segment": ""}, "segment", "1 to 1000 characters"),
        ({"field": "a.b", "op": "like", "value": "x"}, "op", "unknown operator 'like'"),
        ({"field": "a.b", "op": ["eq"], "value": "x"}, "op", "unknown operator"),
        ({"field": "a.b", "op": "eq"}, "value", "needs a value"),
        ({"field": "a.b", "op": "is_set", "value": 1}, "value", "takes no value"),
        ({"field": "a.b", "op": "eq", "value": "x", "vlaue": 1}, "", "unknown key “vlaue”"),
        ({"field": "a.b", "op": "eq", "value": {"x": 1}}, "value", "not dict"),
        ({"field": "a.b", "op": "eq", "value": "a\x00b"}, "value", "NUL"),
        ({"field": "a.b", "op": "eq", "value": "\ud800"}, "value", "surrogates"),
        ({"field": "a.b", "op": "gt", "value": float("nan")}, "value", "too large"),
        ({"field": "a.b", "op": "gt", "value": 10**400}, "value", "too large"),
        ({"field": "a.b", "op": "gt", "value": "abc"}, "value", "ISO date"),
        ({"field": "a.b", "op": "gt", "value": True}, "value", "number"),
        ({"field": "a.b", "op": "before", "value": "2026-02-30"}, "value", "ISO date"),
        ({"field": "a.b", "op": "in", "value": []}, "value", "1 to 1000 values"),
        ({"field": "a.b", "op": "in", "value": ["a", 1]}, "value", "of one kind"),
        ({"field": "a.b", "op": "in", "value": ["a", None]}, "value[1]", "NoneType"),
        ({"field": "a.b", "op": "between", "value": [1]}, "value", "two values"),
        ({"field": "a.b", "op": "between", "value": [2, 1]}, "value", "swap"),
        ({"field": "a.b", "op": "between", "value": [1, "2026-01-01"]}, "value", "both"),
        ({"field": "a.b", "op": "within_last", "value": 7}, "value", '{"days": 7}'),
        ({"field": "a.b", "op": "within_last", "value": {"days": 0}}, "value.days", "positive"),
        ({"field": "a.b", "op": "within_last", "value": {"months": 1}}, "value", "units"),
        ({"field": "a.b", "op": "within_last", "value": {"days": 4000}}, "value", "ten years"),
        ({"field": "a.b", "op": "matches", "value": "(a+)+"}, "value", "repeated group"),
        ({"event": 5}, "event", "characters"),
        ({"event": "X", "wihtin": {"days": 1}}, "", "unknown key “wihtin”"),
        ({"event": "X", "within": {"days": -1}}, "within.days", "positive"),
        ({"event": "X", "count": {"op": "in", "value": [1]}}, "count.op", "unknown operator"),
        ({"event": "X", "count": {"op": "gte", "value": "3"}}, "count.value", "ISO date"),
        ({"event": "X", "count": {"op": "eq", "value": "3"}}, "count.value", "a number"),
        ({"event": "X", "count": {"op": "eq"}}, "count", "“value” is missing"),
        ({"event": "X", "sum": {"op": "gte", "value": 3}}, "sum", "“property” is missing"),
        ({"event": "X", "first": {"op": "gt", "value": 3}}, "first.value", "ISO date"),
        (
            {"event": "X", "count": {"op": "eq", "value": 1}, "first": {}},
            "",
            "one measure at a time",
        ),
        ({"event": "X", "include_machine": "yes"}, "include_machine", "true or false"),
        ({"event": "X", "where": {"segment": "vip"}}, "where", "inside “where”"),
        (
            {"all": [FIELD, {"event": "X", "where": {"all": [{"field": "f", "op": "x"}]}}]},
            "all[1].where.all[0].op",
            "unknown operator",
        ),
        ({"sequence": [{"event": "X"}]}, "sequence", "2 to 10 steps"),
        (
            {"sequence": [{"not": {"event": "X"}, "for": {"days": 1}}, {"event": "Y"}]},
            "sequence[0]",
            "starts with an event",
        ),
        (
            {"sequence": [{"event": "X", "within": {"days": 1}}, {"event": "Y"}]},
            "sequence[0].within",
            "beside “sequence”",
        ),
        (
            {"sequence": [{"event": "X"}, {"not": {"event": "Y"}}]},
            "sequence[1]",
            "“for” is missing",
        ),
        (
            {"sequence": [{"event": "X"}, {"not": {"segment": "Y"}, "for": {"days": 1}}]},
            "sequence[1].not",
            "unknown key “segment”",
        ),
        (
            {"sequence": [{"event": "X"}, {"event": "Y", "where": {"event": "Z"}}]},
            "sequence[1].where",
            "inside “where”",
        ),
    ],
)
def test_a_fault_is_refused_with_its_path_and_a_way_out(tree: object, path: str, says: str) -> None:
    with pytest.raises(TreeError) as caught:
        parse(tree)

    assert caught.value.path == path
    assert says in caught.value.message


def test_five_hundred_nodes_are_the_limit() -> None:
    parse({"all": [FIELD] * 499})

    with pytest.raises(TreeError, match="more than 500 nodes"):
        parse({"all": [FIELD] * 10_000})


def test_twenty_levels_are_the_limit() -> None:
    parse(nested(20))

    with pytest.raises(TreeError, match="deeper than 20 levels") as caught:
        parse(nested(500))

    assert caught.value.path.count("not") == 20


def test_needs_are_the_union_with_the_longest_window() -> None:
    tree = parse(
        {
            "all": [
                *DOCUMENTED["all"],
                {"event": "Product Viewed", "within": {"days": 30}},
                {
                    "event": "Product Viewed",
                    "where": {"field": "product.brand", "op": "eq", "value": "x"},
                    "within": {"hours": 2},
                },
            ]
        }
    )

    assert needs(tree) == Needs(
        fields=frozenset({"traits.lifetime_value", "attributes.country", "attributes.newsletter"}),
        events={
            "Product Viewed": timedelta(days=30),
            "Product Added": None,
            "Order Completed": None,
        },
        segments=frozenset({"vip"}),
        items=frozenset({"Product Viewed"}),
    )


def test_a_property_in_where_is_not_a_field_of_the_person() -> None:
    tree = parse({"event": "X", "where": FIELD})

    assert needs(tree).fields == frozenset()


def test_walk_names_every_node_by_its_path() -> None:
    paths = [path for path, _, _ in walk(parse(DOCUMENTED))]

    assert paths == [
        "", "all[0]", "all[1]", "all[1].any[0]", "all[1].any[1]", "all[2]", "all[2].where",
        "all[2].where.all[0]", "all[3]", "all[4]", "all[5]", "all[5].not",
    ]  # fmt: skip


def test_everybody_is_an_empty_all() -> None:
    assert parse({"all": []}) == AllOf(())
