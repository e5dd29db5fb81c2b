"""Why somebody is in or out, node by node."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from personalization.conditions.explain import Explanation, explain, segment_path
from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.tree import parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
FACTS = Facts(
    profile_id=1,
    values={"traits.spent": 150},
    events={
        "A": [
            EventFact("A", NOW - timedelta(days=20), amount=Decimal("10.00")),
            EventFact("A", YESTERDAY, amount=Decimal("30.00")),
        ]
    },
    segments=frozenset({"vip"}),
)


def explained(tree: dict[str, Any]) -> Explanation:
    return explain(parse(tree), facts=FACTS, now=NOW)


def test_each_node_has_its_path_outcome_and_what_was_seen() -> None:
    found = explained(
        {
            "all": [
                {"field": "traits.spent", "op": "gte", "value": 200},
                {"not": {"field": "traits.missing", "op": "eq", "value": 1}},
                {"any": [{"segment": "vip"}, {"segment": "new"}]},
            ]
        }
    )

    assert found.outcome == "false"
    spent, negated, either = found.children
    assert (spent.path, spent.outcome, spent.seen) == ("all[0]", "false", 150)
    assert spent.text == "whose spent is at least 200"
    assert (negated.outcome, negated.seen) == ("true", None)
    assert (negated.children[0].path, negated.children[0].outcome) == ("all[1].not", "absent")
    assert either.outcome == "true"
    assert [(child.path, child.outcome, child.seen) for child in either.children] == [
        ("all[2].any[0]", "true", True),
        ("all[2].any[1]", "false", False),
    ]


@pytest.mark.parametrize(
    ("tree", "outcome", "seen"),
    [
        ({"event": "A"}, "true", 2),
        ({"event": "A", "within": {"days": 7}}, "true", 1),
        ({"event": "B"}, "false", 0),
        ({"event": "A", "sum": {"property": "total", "op": "gt", "value": 50}}, "false", 40),
        ({"event": "A", "avg": {"property": "total", "op": "eq", "value": 20}}, "true", 20),
        ({"event": "B", "avg": {"property": "total", "op": "eq", "value": 20}}, "absent", None),
        (
            {"event": "A", "last": {"op": "within_last", "value": {"days": 2}}},
            "true",
            YESTERDAY,
        ),
        ({"event": "B", "last": {"op": "before", "value": "2026-01-01"}}, "absent", None),
        ({"sequence": [{"event": "A"}, {"event": "A"}]}, "true", 2),
        ({"sequence": [{"event": "A"}, {"event": "B"}]}, "false", 2),
    ],
)
def test_events_show_the_measure_they_were_judged_by(
    tree: dict[str, Any], outcome: str, seen: object
) -> None:
    found = explained(tree)

    assert (found.outcome, found.seen) == (outcome, seen)
    assert found.at == (YESTERDAY if "B" not in str(tree.get("event")) else None)


def test_a_value_a_membership_and_an_event_say_how_old_they_are() -> None:
    tree = {"all": [
        {"field": "traits.spent", "op": "gte", "value": 200},
        {"field": "traits.missing", "op": "eq", "value": 1},
        {"segment": "vip"},
        {"segment": "new"},
        {"event": "A"},
    ]}  # fmt: skip
    ages = {
        path: NOW - timedelta(days=number)
        for number, path in enumerate(
            ("traits.spent", "traits.missing", segment_path("vip"), segment_path("new")), start=1
        )
    }

    found = explain(parse(tree), facts=FACTS, now=NOW, ages=ages)

    spent, missing, vip, new, event = (child.at for child in found.children)
    assert (spent, vip) == (NOW - timedelta(days=1), NOW - timedelta(days=3))
    # What is not known has no age: neither a withheld value nor a segment the person is not in.
    assert (missing, new) == (None, None)
    assert event == YESTERDAY


def test_a_sequence_says_step_by_step_how_far_it_came() -> None:
    tree = {"any": [
        {"sequence": [
            {"event": "A"},
            {"event": "A", "within": {"days": 30}},
            {"not": {"event": "B"}, "for": {"days": 7}},
            {"event": "A"},
        ]},
    ]}  # fmt: skip

    (found,) = explained(tree).children

    assert found.kind == "sequence"
    assert [(step.path, step.outcome, step.seen, step.at) for step in found.children] == [
        ("any[0].sequence[0]", "true", 2, YESTERDAY),
        ("any[0].sequence[1]", "true", 2, YESTERDAY),
        # Seven days after yesterday are not over yet.
        ("any[0].sequence[2]", "false", 0, None),
        ("any[0].sequence[3]", "absent", 2, YESTERDAY),
    ]
    assert found.children[0].text == "done “A”"
    assert found.children[2].text == "then not done “B” in the 7 days that followed"


def test_what_is_turned_around_shows_what_it_looked_at() -> None:
    found = explained({"not": {"event": "A", "within": {"days": 7}}})

    assert (found.outcome, found.seen, found.at) == ("false", 1, YESTERDAY)
