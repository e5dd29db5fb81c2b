"""Until when a condition cannot change by time alone: never late."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.conditions import values
from personalization.conditions.expiry import clockwork, compile_timed
from personalization.conditions.facts import EventFact, Facts, ItemFact, visible, visible_events
from personalization.conditions.to_python import compile_tree
from personalization.conditions.tree import parse
from tests.personalization.condition_worlds import (
    CATALOGUE,
    DATES,
    DIRT,
    NOW,
    POOLS,
    PURPOSES,
    SEGMENTS,
    TREES,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# As the trees have them, and those of their sums that absences in a row lead to.
SPANS = (HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 730 * DAY)
SUMS = sorted(
    {sum(some, timedelta(0)) for size in (0, 1, 2, 3)
     for some in combinations_with_replacement(SPANS, size)}
)  # fmt: skip
TICK = timedelta(microseconds=1)


def person(seed: int) -> tuple[dict[str, Any], dict[str, list[EventFact]], dict[str, datetime]]:
    """Values, events and consents of somebody; some events lie ahead."""
    chance = random.Random(seed)
    held = {
        path: chance.choice(POOLS[spec.type] if chance.random() < 0.8 else DIRT)
        for path, spec in CATALOGUE.fields.items()
        if chance.random() < 0.9
    }
    events: dict[str, list[EventFact]] = {"A": [], "B": [], "C": []}
    for _ in range(chance.choice([0, 1, 2, 4, 8])):
        hours = chance.choice([-30, -1, 0, 1, 3, 23, 24, 25, 47, 24 * 7 - 1, 24 * 29, 24 * 700])
        name = chance.choice("AABBC")
        events[name].append(
            EventFact(
                name=name,
                occurred_at=NOW - hours * HOUR,
                amount=chance.choice([None, Decimal("10.10"), Decimal(30)]),
                properties={
                    key: chance.choice(POOLS[kind])
                    for key, kind in (("s", "text"), ("n", "number"), ("d", "date"))
                    if chance.random() < 0.8
                },
                items=tuple(ItemFact("DE", category="boots", quantity=1, price=Decimal(3))
                            for _ in range(chance.choice([0, 1]))),
                is_machine=chance.random() < 0.2,
            )
        )  # fmt: skip
    lapses = {
        code: NOW + chance.choice([TICK, HOUR, 3 * DAY, 400 * DAY])
        for code in PURPOSES
        if chance.random() < 0.3
    }
    return held, events, lapses


def seen(seed: int, *, at: datetime) -> Facts:
    """What may be known of somebody at a moment: a consent that ran out is no consent."""
    held, events, lapses = person(seed)
    granted = {code for code in PURPOSES if code not in lapses or lapses[code] > at}
    return Facts(
        profile_id=1,
        values=visible(held, catalogue=CATALOGUE, granted=granted),
        events=visible_events(events, catalogue=CATALOGUE, granted=granted),
        segments=frozenset(SEGMENTS[: seed % 3]),
    )


def moments(seed: int) -> list[datetime]:
    """All moments after now at which anything about this person can change, and just before."""
    held, events, lapses = person(seed)
    facts = [event for some in events.values() for event in some]
    dates = [values.moment(each) for each in (*DATES, held.get("attributes.d"))]
    anchors = {event.occurred_at for event in facts} | {at for at in dates if at}
    found = {anchor + span for anchor in anchors for span in SUMS} | {*lapses.values()}
    return sorted(at for each in found for at in (each - TICK, each) if at > NOW)


def prove_never_late(tree: dict[str, Any], seed: int) -> None:
    node = parse(tree)
    holds = compile_tree(node)
    now_true, until = compile_timed(node, catalogue=CATALOGUE)(
        seen(seed, at=NOW), NOW, person(seed)[2]
    )

    assert now_true is holds(seen(seed, at=NOW), NOW)
    assert until is None or until > NOW
    for at in moments(seed):
        if until is None or at < until:
            assert holds(seen(seed, at=at), at) is now_true, at


@settings(max_examples=120, deadline=None)
@given(tree=TREES, seed=st.integers(0, 10**6))
def test_it_is_never_late(tree: dict[str, Any], seed: int) -> None:
    prove_never_late(tree, seed)


@pytest.mark.prove
@settings(max_examples=4000, deadline=None)
@given(tree=TREES, seed=st.integers(0, 10**6))
def test_it_is_never_late_in_thousands_of_cases(tree: dict[str, Any], seed: int) -> None:
    prove_never_late(tree, seed)


def until(tree: dict[str, Any], *events: EventFact, **held: Any) -> datetime | None:
    facts = Facts(
        profile_id=1,
        values={f"attributes.{name}": value for name, value in held.items()},
        events={"A": [each for each in events if each.name == "A"],
                "B": [each for each in events if each.name == "B"]},
    )  # fmt: skip
    return compile_timed(parse(tree), catalogue=CATALOGUE)(facts, NOW, {})[1]


def ago(hours: float, name: str = "A") -> EventFact:
    return EventFact(name=name, occurred_at=NOW - hours * HOUR)


def test_the_last_event_of_a_window_decides_when_it_ends() -> None:
    tree = {"event": "A", "within": {"days": 7}}

    assert until(tree, ago(48), ago(24), ago(1)) == NOW + 7 * DAY - HOUR
    assert until(tree) is None
    assert until({"event": "A"}, ago(1)) is None


def test_a_count_turns_with_the_event_that_brings_it_below() -> None:
    tree = {"event": "A", "count": {"op": "gte", "value": 3}, "within": {"days": 7}}

    assert until(tree, ago(5), ago(4), ago(3), ago(2), ago(1)) == NOW + 7 * DAY - 3 * HOUR
    assert until(tree, ago(5), ago(4)) is None


def test_an_absence_ends_a_day_after_the_event() -> None:
    tree = {"sequence": [{"event": "A"}, {"not": {"event": "B"}, "for": {"hours": 24}}]}

    assert until(tree, ago(3)) == NOW + 21 * HOUR
    assert until(tree, ago(30)) is None


def test_a_recent_date_begins_and_ends() -> None:
    tree = {"field": "attributes.d", "op": "within_last", "value": {"days": 2}}

    assert until(tree, d="2028-11-05T12:00:00Z") == NOW + DAY
    assert until(tree, d="2028-11-08T12:00:00Z") == NOW + 2 * DAY
    assert until(tree, d="1999-12-31") is None
    assert until(tree, d="2999-12-31") == datetime(2999, 12, 31, tzinfo=UTC)


def test_what_fails_for_good_is_not_looked_at_for_its_windows() -> None:
    window = {"event": "A", "within": {"days": 7}}
    other = {"field": "attributes.t", "op": "eq", "value": "DE"}

    assert until({"all": [window, other]}, ago(1), t="FR") is None
    assert until({"all": [window, other]}, ago(1), t="DE") == NOW + 7 * DAY - HOUR
    assert until({"any": [window, other]}, ago(1), t="DE") is None


def test_what_has_to_come_first_decides_when_several_fail() -> None:
    dates = [
        {"field": "attributes.d", "op": "within_last", "value": {"days": 1}},
        {"event": "A", "count": {"op": "lt", "value": 1}, "within": {"days": 7}},
    ]

    # Both fail now; the date could begin tomorrow, but the event is in the way for a week.
    found = until({"all": dates}, ago(1), d="2028-11-07T12:00:00Z")
    assert found == NOW + 7 * DAY - HOUR


def test_the_clockwork_names_what_time_can_move() -> None:
    tree = {
        "all": [
            {"field": "attributes.d", "op": "not_within_last", "value": {"days": 1}},
            {"field": "traits.n", "op": "gte", "value": 1},
            {"event": "C"},
        ]
    }
    clock = clockwork(parse(tree), catalogue=CATALOGUE)

    assert clock.dates == {"attributes.d"}
    assert clock.purposes == {"profiling", "email_tracking"}
    assert not clock.has_spans
    assert clockwork(parse({"event": "A", "within": {"days": 1}}), catalogue=CATALOGUE).has_spans
