"""Every operator on one loaded profile, with the data there, absent and of the wrong kind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from personalization.conditions.facts import (
    EventFact,
    Facts,
    ItemFact,
    visible,
    visible_events,
)
from personalization.conditions.fields import Catalogue, EventSpec, FieldSpec
from personalization.conditions.to_python import compile_tree
from personalization.conditions.tree import parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def holds(tree: dict[str, Any], *events: EventFact, **values: object) -> bool:
    by_name: dict[str, list[EventFact]] = {}
    for event in events:
        by_name.setdefault(event.name, []).append(event)
    facts = Facts(profile_id=1, values=values, events=by_name, segments=frozenset({"vip"}))
    return compile_tree(parse(tree))(facts, NOW)


def event(name: str, *, ago: timedelta, **more: Any) -> EventFact:
    return EventFact(name=name, occurred_at=NOW - ago, **more)


def order(total: str, *, ago: timedelta) -> EventFact:
    return event("Order Completed", ago=ago, amount=Decimal(total))


@pytest.mark.parametrize(
    ("op", "value", "true_for", "false_for"),
    [
        ("eq", "DE", ["DE"], ["de", "FR", 5, True, ["DE"]]),
        ("eq", 5, [5, 5.0, Decimal("5.00")], [4, "5", True]),
        ("eq", 0.1, [0.1, Decimal("0.1")], [0.2, "0.1"]),
        ("eq", 1, [1], [True, "1"]),
        ("eq", True, [True], [False, 1, "true"]),
        ("eq", ["a", "b"], [["a", "b"]], [["a"], ["b", "a"], "a", ["a", 1]]),
        ("eq", [1, 2], [[1, 2.0]], [[1], [True, 2], ["1", "2"]]),
        ("ne", ["a"], [["b"], []], [["a"], "b"]),
        ("eq", "2026-01-31", ["2026-01-31", "2026-01-31T01:00:00+01:00"], ["2026-02-01", "x"]),
        ("ne", "DE", ["FR", ""], ["DE", 5]),
        ("ne", 5, [4, Decimal("4.9")], [5, "x", True]),
        ("ne", True, [False], [True, 0]),
        ("ne", "2026-01-31", ["2026-01-30"], ["2026-01-31", "soon"]),
        ("in", ["DE", "FR"], ["DE", "FR", ["x", "FR"]], ["IT", 5, []]),
        ("in", [1, 2.5], [1, 2.5, Decimal("2.5"), [9, 1]], [2, "1", True]),
        ("in", [True], [True], [False, 1]),
        ("in", ["2026-01-31"], ["2026-01-31T00:00:00Z"], ["2026-01-30", 5]),
        ("not_in", ["DE", "FR"], ["IT", ["IT"], []], ["DE", 5, ["DE", "IT"]]),
        ("not_in", [1, 2], [3], [1, "3"]),
        ("gt", 5, [6, 5.1, Decimal("5.01")], [5, 4, "6", True, [6]]),
        ("gte", 5, [5, 6], [4.9, "5"]),
        ("lt", 5, [4, -1], [5, "4"]),
        ("lte", 5, [5, Decimal(5)], [6, False]),
        ("gt", "2026-01-31", ["2026-02-01"], ["2026-01-31", "2026-02-30", 5]),
        ("lte", "2026-01-31", ["2026-01-31", "2026-01-30T23:59:59Z"], ["2026-01-31T00:00:01Z"]),
        ("between", [1, 3], [1, 2, 3], [0, 4, "2", True]),
        (
            "between",
            ["2026-01-01", "2026-02-01"],
            ["2026-01-01", "2026-02-01"],
            ["2026-02-01T00:01Z"],
        ),
        ("contains", "oo", ["boots"], ["BOOTS", "x", 5, ["oo"]]),
        ("contains", "%", ["5%"], ["5"]),
        ("starts_with", "bo", ["boots"], ["aboot", 5]),
        ("ends_with", "ts", ["boots"], ["boot", 5]),
        ("matches", "^[A-Z]{2}\\d+$", ["DE12"], ["de12", "DE12\n", "DE١", 5]),
        ("matches", "a.c", ["xabcx", "a\nc"], ["ac"]),
        ("before", "2026-01-31", ["2026-01-30"], ["2026-01-31", "x", 5]),
        ("after", "2026-01-31", ["2026-01-31T00:00:00.000001Z"], ["2026-01-31", 5]),
        (
            "within_last",
            {"days": 7},
            ["2026-11-23T12:00:00Z", "2026-11-16T12:00:01Z", NOW - DAY],
            ["2026-11-16T12:00:00Z", "2026-11-24", "x", 5],
        ),
        (
            "not_within_last",
            {"days": 7},
            ["2026-11-16T12:00:00Z", "2027-01-01"],
            ["2026-11-23", "x", 5],
        ),
        ("includes_any", ["a", "b"], [["b", "c"], ["a"]], [["c"], [], "a", ["ab"]]),
        ("includes_any", [1], [[1.0]], [[True], ["1"], 1]),
        ("includes_all", ["a", "b"], [["b", "c", "a"]], [["a"], [], "ab"]),
        ("includes_all", ["a", "a"], [["a"]], [["b"]]),
    ],
)
def test_operator_holds_for_fitting_data_only(
    op: str, value: object, true_for: list[object], false_for: list[object]
) -> None:
    tree = {"field": "x", "op": op, "value": value}

    assert [seen for seen in true_for if not holds(tree, x=seen)] == []
    assert [seen for seen in false_for if holds(tree, x=seen)] == []
    assert not holds(tree)
    assert not holds(tree, x=None)


def test_is_set_and_is_not_set_know_only_absent() -> None:
    is_set, is_not_set = {"field": "x", "op": "is_set"}, {"field": "x", "op": "is_not_set"}

    falsy: list[object] = ["", 0, False, []]
    assert [holds(is_set, x=seen) for seen in falsy] == [True] * 4
    assert not holds(is_set)
    assert not holds(is_set, x=None)
    assert holds(is_not_set)
    assert holds(is_not_set, x=None)
    assert not holds(is_not_set, x="")


def test_groups_and_negation_join_conditions() -> None:
    yes, no = {"segment": "vip"}, {"segment": "new"}
    field = {"field": "x", "op": "eq", "value": 1}

    assert holds({"all": [yes, field]}, x=1)
    assert not holds({"all": [yes, field]}, x=2)
    assert not holds({"all": [field, no]}, x=1)
    assert holds({"any": [no, field]}, x=1)
    assert not holds({"any": [no, field]}, x=2)
    assert holds({"not": {"any": [no, field]}}, x=2)
    assert holds({"all": []})


@pytest.mark.parametrize(
    ("measure", "is_true"),
    [
        ({}, True),
        ({"count": {"op": "eq", "value": 3}}, True),
        ({"count": {"op": "gt", "value": 3}}, False),
        ({"count": {"op": "between", "value": [2, 3]}}, True),
        ({"sum": {"property": "total", "op": "eq", "value": 60.3}}, True),
        ({"sum": {"property": "revenue", "op": "lt", "value": 60.3}}, False),
        ({"avg": {"property": "value", "op": "eq", "value": 20.1}}, True),
        ({"avg": {"property": "value", "op": "between", "value": [20.2, 99]}}, False),
        ({"first": {"op": "before", "value": "2026-11-01"}}, True),
        ({"last": {"op": "within_last", "value": {"days": 2}}}, True),
        ({"last": {"op": "not_within_last", "value": {"days": 2}}}, False),
    ],
)
def test_measures_over_orders(measure: dict[str, Any], is_true: bool) -> None:
    orders = [
        order("10.1", ago=30 * DAY),
        order("20.1", ago=5 * DAY),
        order("30.1", ago=DAY),
        # The future has not happened yet.
        order("99", ago=-DAY),
    ]

    assert holds({"event": "Order Completed", **measure}, *orders) is is_true


def test_nobody_without_events_has_a_mean_or_a_last_time_but_a_count_and_sum_of_zero() -> None:
    name = {"event": "Order Completed"}

    assert not holds(name)
    assert holds({**name, "count": {"op": "lte", "value": 0}})
    assert holds({**name, "sum": {"property": "total", "op": "lt", "value": 50}})
    assert not holds({**name, "avg": {"property": "total", "op": "lt", "value": 50}})
    assert not holds({**name, "last": {"op": "not_within_last", "value": {"days": 1}}})


def test_window_excludes_its_beginning_and_includes_now() -> None:
    tree = {"event": "X", "within": {"days": 7}}

    assert holds(tree, event("X", ago=timedelta(0)))
    assert holds(tree, event("X", ago=7 * DAY - timedelta(microseconds=1)))
    assert not holds(tree, event("X", ago=7 * DAY))
    assert not holds(tree, event("X", ago=timedelta(microseconds=-1)))


def test_where_reads_properties_and_any_item() -> None:
    items = (
        ItemFact("p1", category="boots", price=Decimal("10.00"), quantity=1),
        ItemFact("p2", category="hats", price=Decimal("99.90"), quantity=2),
    )
    viewed = event("X", ago=DAY, properties={"list": "home", "n": 3}, items=items)

    def found(where: dict[str, Any]) -> bool:
        return holds({"event": "X", "where": where}, viewed)

    assert found({"field": "list", "op": "eq", "value": "home"})
    assert not found({"field": "category", "op": "is_set"})
    assert found({"field": "product.category", "op": "eq", "value": "hats"})
    assert found({"field": "product.price", "op": "gte", "value": 99.9})
    assert found({"field": "product.brand", "op": "is_not_set"})
    assert not found({"not": {"field": "product.category", "op": "eq", "value": "hats"}})
    assert found(
        {"any": [{"field": "n", "op": "gt", "value": 3}, {"field": "n", "op": "eq", "value": 3}]}
    )


def test_sum_of_a_property_skips_what_is_no_number() -> None:
    events = [
        event("X", ago=DAY, properties={"n": 0.1}),
        event("X", ago=DAY, properties={"n": 0.2}),
        event("X", ago=DAY, properties={"n": "7"}),
        event("X", ago=DAY, properties={"n": True}),
        event("X", ago=DAY),
    ]

    assert holds({"event": "X", "sum": {"property": "n", "op": "eq", "value": 0.3}}, *events)
    assert holds({"event": "X", "avg": {"property": "n", "op": "eq", "value": 0.15}}, *events)


def test_machines_count_only_when_asked_for() -> None:
    opened = event("Email Opened", ago=DAY, is_machine=True)

    assert not holds({"event": "Email Opened"}, opened)
    assert holds({"event": "Email Opened", "include_machine": True}, opened)


ABANDONED = {
    "sequence": [{"event": "A"}, {"not": {"event": "B"}, "for": {"hours": 24}}],
    "within": {"days": 3},
}


@pytest.mark.parametrize(
    ("history", "is_true"),
    [
        ([("A", 25)], True),
        ([("A", 24)], True),
        ([("A", 23)], False),
        ([("A", 25), ("B", 2)], False),
        ([("A", 25), ("B", 1)], False),
        ([("A", 26), ("B", 1)], True),
        ([("A", 25), ("B", 25)], True),
        ([("A", 25), ("B", 30)], True),
        ([("A", 80)], False),
        ([("B", 25)], False),
        ([("A", 50), ("B", 49), ("A", 30)], True),
    ],
)
def test_cart_is_abandoned_when_nothing_followed_for_a_day(
    history: list[tuple[str, int]], is_true: bool
) -> None:
    events = [event(name, ago=timedelta(hours=hours)) for name, hours in history]

    assert holds(ABANDONED, *events) is is_true


@pytest.mark.parametrize(
    ("history", "is_true"),
    [
        ([("A", 10), ("B", 9), ("C", 8)], True),
        ([("A", 10), ("B", 8), ("C", 7)], False),
        ([("A", 10), ("A", 9), ("B", 8), ("C", 7)], True),
        ([("A", 10), ("B", 9), ("C", 9)], False),
        ([("A", 10), ("C", 9), ("B", 9)], False),
        ([("B", 10), ("A", 9), ("C", 8)], False),
    ],
)
def test_sequence_wants_each_step_later_and_in_time(
    history: list[tuple[str, int]], is_true: bool
) -> None:
    tree = {"sequence": [{"event": "A"}, {"event": "B", "within": {"hours": 1}}, {"event": "C"}]}
    events = [event(name, ago=timedelta(hours=hours)) for name, hours in history]

    assert holds(tree, *events) is is_true


def test_without_its_purpose_a_value_or_history_is_absent() -> None:
    catalogue = Catalogue(
        fields={
            "traits.a": FieldSpec("traits.a", "number", "A", purpose="profiling"),
            "traits.b": FieldSpec("traits.b", "number", "B"),
        },
        events={"X": EventSpec("X", "X", purpose="email_tracking"), "Y": EventSpec("Y", "Y")},
    )
    values = {"traits.a": 1, "traits.b": 2, "traits.unknown": 3}
    events = {"X": [event("X", ago=DAY)], "Y": [], "Z": []}

    assert visible(values, catalogue=catalogue, granted=set()) == {"traits.b": 2}
    assert visible(values, catalogue=catalogue, granted={"profiling"}) == {
        "traits.a": 1,
        "traits.b": 2,
    }
    assert set(visible_events(events, catalogue=catalogue, granted=set())) == {"Y"}
    assert set(visible_events(events, catalogue=catalogue, granted={"email_tracking"})) == {
        "X",
        "Y",
    }
