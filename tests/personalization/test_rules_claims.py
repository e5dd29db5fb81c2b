"""What the analysis says of dates, lists and measures is so: small worlds are counted whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.to_python import compile_tree
from personalization.conditions.tree import parse
from personalization.rules.samples import MOMENT
from personalization.rules.satisfy import witness
from tests.consent.people import NOON

DAY = timedelta(days=1)
BORN = "attributes.born"
TAGS = "attributes.tags"
NAME = "attributes.name"
NAMED = ("2020-03-01", "2024-02-29", "2026-11-20")
BACK = (7, 400)


def born() -> list[Facts]:
    """Somebody for each day of many years, and for each edge that a condition names."""
    edges = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in NAMED]
    edges += [NOON, *(NOON - days * DAY for days in BACK)]
    moments = {at + step for at in edges for step in (-MOMENT, MOMENT * 0, MOMENT)}
    first = datetime(2010, 1, 1, tzinfo=UTC)
    moments |= {first + day * DAY for day in range(26 * 366)}
    return [Facts(1, {}), *(Facts(1, {BORN: at.isoformat()}) for at in sorted(moments))]


def tagged() -> list[Facts]:
    lists = [list(each) for many in range(4) for each in permutations("abz", many)]
    return [Facts(1, {}), *(Facts(1, {TAGS: each}) for each in lists)]


def shoppers() -> list[Facts]:
    """Everybody who did it, or not, 1, 5, 20 and 40 days ago, for 10 or for 60 each time."""
    found = []
    for amounts in product((None, Decimal(10), Decimal(60)), repeat=4):
        events = tuple(
            EventFact("A", NOON - days * DAY, amount=amount)
            for days, amount in zip((1, 5, 20, 40), amounts, strict=True)
            if amount is not None
        )
        found.append(Facts(1, {}, {"A": events}))
    return found


def named() -> list[Facts]:
    """Texts of which some are dates, and some hold others."""
    texts = ("DE", "FR", "DEFR", "FRDE", "xDEy", "E", "D", "2026", "2026-11-20", "2026-11-21")
    return [Facts(1, {}), *(Facts(1, {NAME: text}) for text in texts)]


WORLDS = {"born": born(), "tagged": tagged(), "named": named(), "shoppers": shoppers()}


def field(path: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": path, "op": op, "value": value}


DATES = st.one_of(
    st.builds(
        field, st.just(BORN), st.sampled_from(["before", "after", "gte", "lte", "eq"]),
        st.sampled_from(NAMED),
    ),
    st.builds(
        field, st.just(BORN), st.sampled_from(["within_last", "not_within_last"]),
        st.sampled_from([{"days": days} for days in BACK]),
    ),
    st.builds(
        field, st.just(BORN), st.just("anniversary_within_next"),
        st.sampled_from([{"days": days} for days in (1, 7, 40, 366)]),
    ),
)  # fmt: skip
LISTS = st.builds(
    field, st.just(TAGS),
    st.sampled_from(["in", "not_in", "includes_any", "includes_all", "eq", "ne"]),
    st.sampled_from([["a"], ["b"], ["a", "b"], ["b", "a"]]),
) | st.sampled_from([{"field": TAGS, "op": op} for op in ("is_set", "is_not_set")])  # fmt: skip
TEXTS = st.one_of(
    st.builds(
        field, st.just(NAME), st.sampled_from(["eq", "ne"]), st.sampled_from(["DE", "2026-11-20"])
    ),
    st.builds(
        field, st.just(NAME), st.sampled_from(["in", "not_in"]),
        st.sampled_from([["DE", "FR"], ["DE", "2026-11-20"]]),
    ),
    st.builds(
        field, st.just(NAME), st.sampled_from(["contains", "starts_with", "ends_with"]),
        st.sampled_from(["DE", "E", "2026"]),
    ),
    st.sampled_from([{"field": NAME, "op": op} for op in ("is_set", "is_not_set")]),
)  # fmt: skip
NUMBERS = st.fixed_dictionaries(
    {"op": st.sampled_from(["eq", "gte", "lt"]), "value": st.sampled_from([0, 1, 2, 10, 60])}
)
MOMENTS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["within_last", "not_within_last"]),
        "value": st.sampled_from([{"days": 3}, {"days": 30}]),
    }
)
MEASURES = st.builds(
    lambda measure, within: {"event": "A", **measure, **within},
    st.one_of(
        NUMBERS.map(lambda each: {"count": each}),
        NUMBERS.map(lambda each: {"sum": {"property": "total", **each}}),
        st.builds(lambda kind, each: {kind: each}, st.sampled_from(["first", "last"]), MOMENTS),
    ),
    st.sampled_from([{}, {"within": {"days": 7}}, {"within": {"days": 30}}]),
)


def trees(atoms: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(lambda c: {"all": c}, st.lists(inner, min_size=2, max_size=3)),
            st.builds(lambda c: {"any": c}, st.lists(inner, min_size=2, max_size=3)),
            st.builds(lambda c: {"not": c}, inner),
        ),
        max_leaves=4,
    )


def somebody(world: str, tree: dict[str, Any]) -> bool:
    holds = compile_tree(parse(tree))
    return any(holds(person, NOON) for person in WORLDS[world])


@settings(max_examples=150, deadline=None)
@given(trees(DATES))
def test_somebody_of_such_a_birthday_is_found_exactly_where_there_is_one(
    tree: dict[str, Any],
) -> None:
    assert (witness(parse(tree), now=NOON) is not None) == somebody("born", tree)


@settings(max_examples=300, deadline=None)
@given(trees(LISTS))
def test_somebody_with_such_a_list_is_found_exactly_where_there_is_one(
    tree: dict[str, Any],
) -> None:
    found = witness(parse(tree), now=NOON, listed={TAGS})

    assert (found is not None) == somebody("tagged", tree)


@settings(max_examples=400, deadline=None)
@given(trees(TEXTS))
def test_nobody_is_said_to_be_called_so_only_where_nobody_is(tree: dict[str, Any]) -> None:
    if witness(parse(tree), now=NOON) is None:
        assert not somebody("named", tree)


@settings(max_examples=600, deadline=None)
@given(trees(MEASURES))
def test_nobody_is_said_to_have_done_so_only_where_nobody_did(tree: dict[str, Any]) -> None:
    if witness(parse(tree), now=NOON) is None:
        assert not somebody("shoppers", tree)


@pytest.mark.parametrize(
    "parts",
    [
        # Nothing was bought, and a lot was spent.
        [
            {"not": {"event": "A", "within": {"days": 30}}},
            {"event": "A", "sum": {"property": "total", "op": "gte", "value": 100},
             "within": {"days": 7}},
        ],
        # The last time was longer ago than the first.
        [
            {"event": "A", "first": {"op": "within_last", "value": {"days": 3}}},
            {"event": "A", "last": {"op": "not_within_last", "value": {"days": 30}}},
        ],
        # Of the last week, but a month ago.
        [{"event": "A", "last": {"op": "not_within_last", "value": {"days": 30}},
          "within": {"days": 7}}],
        # It has not happened yet.
        [{"event": "A", "first": {"op": "after", "value": "2027-01-01"}}],
    ],
)  # fmt: skip
def test_what_no_history_can_be_is_never(parts: list[dict[str, Any]]) -> None:
    assert witness(parse({"all": parts}), now=NOON) is None
