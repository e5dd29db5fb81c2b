"""What the analysis claims of a ruleset is what counting everybody in a small world gives."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.to_python import compile_tree
from personalization.conditions.tree import parse
from personalization.rules.analyse import Finding, Kind, analyse
from personalization.rules.evaluate import compile_ruleset, evaluate
from personalization.rules.parsing import parse_ruleset
from personalization.rules.satisfy import witness
from tests.consent.people import NOON

ABSENT = object()
NUMBERS = (ABSENT, 0, 1, 1.5, 2, 2.5, 3, 4)
COLOURS = (ABSENT, "red", "blue", "green")
FLAGS = (ABSENT, True, False)
# (events within 7 days, events within 30 days)
COUNTS = tuple((week, month) for month in range(4) for week in range(month + 1))
SEGMENTS: tuple[frozenset[str], ...] = (frozenset(), frozenset({"vip"}))


def people() -> Iterator[Facts]:
    for number, colour, flag, counts, segments in product(
        NUMBERS, COLOURS, FLAGS, COUNTS, SEGMENTS
    ):
        given_ = {"attributes.size": number, "attributes.colour": colour, "attributes.flag": flag}
        yield Facts(
            profile_id=1,
            values={path: value for path, value in given_.items() if value is not ABSENT},
            events={"Product Viewed": views(*counts)},
            segments=segments,
        )


def views(week: int, month: int) -> tuple[EventFact, ...]:
    days = [1] * week + [20] * (month - week)
    return tuple(
        EventFact(name="Product Viewed", occurred_at=NOON - timedelta(days=d), properties={})
        for d in days
    )


WORLD = list(people())


def compare(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": f"attributes.{field}", "op": op, **({} if value is None else {"value": value})}


def viewed(count: int, days: int) -> dict[str, Any]:
    measure = {"op": "gte", "value": count}
    return {"event": "Product Viewed", "count": measure, "within": {"days": days}}


ATOMS = st.one_of(
    st.builds(
        compare,
        st.just("size"),
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        st.sampled_from([1, 2, 3]),
    ),
    st.builds(compare, st.just("size"), st.just("between"), st.sampled_from([[1, 2], [2, 3]])),
    st.builds(
        compare, st.just("colour"), st.sampled_from(["eq", "ne"]), st.sampled_from(["red", "blue"])
    ),
    st.builds(
        compare, st.just("colour"), st.sampled_from(["in", "not_in"]), st.just(["red", "blue"])
    ),
    st.builds(compare, st.just("flag"), st.just("eq"), st.booleans()),
    st.builds(
        compare,
        st.sampled_from(["size", "colour", "flag"]),
        st.sampled_from(["is_set", "is_not_set"]),
    ),
    st.builds(viewed, st.integers(1, 3), st.sampled_from([7, 30])),
    st.just({"segment": "vip"}),
)
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda c: {"all": c}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda c: {"any": c}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda c: {"not": c}, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_a_person_is_found_exactly_where_there_is_one(tree: dict[str, Any]) -> None:
    node = parse(tree)
    holds = compile_tree(node)

    found = witness(node, now=NOON)

    assert (found is not None) == any(holds(person, NOON) for person in WORLD)


def ruleset(*trees: dict[str, Any], policy: str = "first", **more: Any) -> Any:
    rules = [
        {
            "key": f"r{number}",
            "name": f"Rule {number}",
            "priority": number,
            "condition": tree,
            "outcome": {"block": f"b{number}", "value": number},
            **more.get(f"r{number}", {}),
        }
        for number, tree in enumerate(trees)
    ]
    return parse_ruleset({"hit_policy": policy, "rules": rules, "fallback": {"block": "none"}})


def found(definition: Any, kind: Kind) -> list[Finding]:
    return [each for each in analyse(definition, now=NOON) if each.kind == kind]


OUTCOMES = st.fixed_dictionaries(
    {"block": st.sampled_from(["a", "b", "c"]), "value": st.integers(1, 3)}
)


@pytest.mark.parametrize("policy", ["first", "highest_value", "collect"])
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TREES, OUTCOMES), min_size=1, max_size=4))
def test_every_claim_agrees_with_counting_everybody(
    policy: str, lines: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    more = {f"r{n}": {"outcome": outcome} for n, (_, outcome) in enumerate(lines)}
    definition = ruleset(*(tree for tree, _ in lines), policy=policy, **more)
    compiled = compile_ruleset(definition)
    held = {
        rule.key: [compile_tree(rule.condition)(person, NOON) for person in WORLD]
        for rule in definition.rules
    }
    decisions = [evaluate(compiled, person, NOON) for person in WORLD]
    reached = {rule.key for decision in decisions for rule in decision.hits}

    findings = analyse(definition, now=NOON)

    def keys(kind: Kind) -> set[str]:
        return {each.keys[0] for each in findings if each.kind == kind}

    shows = {rule.key: rule.outcome["block"] for rule in definition.rules}
    everybody = set(held)
    never = {key for key, row in held.items() if not any(row)}
    dead = everybody - reached
    assert keys(Kind.NEVER) == never
    assert keys(Kind.SHADOWED) == dead - never
    assert bool([f for f in findings if f.kind == Kind.GAP]) == any(
        decision.is_fallback for decision in decisions
    )
    assert all(all(held[key]) for key in keys(Kind.ALWAYS))
    assert keys(Kind.UNREACHABLE) == {
        key for key in dead if shows[key] not in {shows[each] for each in reached}
    }
    pairs = {
        frozenset((one, other))
        for one in reached
        for other in reached
        if shows[one] != shows[other]
        and any(a and b for a, b in zip(held[one], held[other], strict=True))
    }
    same = {pair for pair in pairs if len({tuple(held[key]) for key in pair}) == 1}
    conflicts = same if policy == "collect" else set()
    assert pairs_of(findings, Kind.CONFLICT) == conflicts
    assert pairs_of(findings, Kind.OVERLAP) == pairs - conflicts
    assert all(finding.text and finding.mend for finding in findings)


def pairs_of(findings: list[Finding], kind: Kind) -> set[frozenset[str]]:
    return {frozenset(each.keys) for each in findings if each.kind == kind}


def test_a_shorter_time_is_hidden_by_a_longer_one() -> None:
    shadowed = found(ruleset(viewed(1, 30), viewed(1, 7)), Kind.SHADOWED)

    assert [each.keys for each in shadowed] == [("r1", "r0")]
    assert "“Rule 0” already decided" in shadowed[0].text
    assert found(ruleset(viewed(1, 7), viewed(1, 30)), Kind.SHADOWED) == []


def test_several_rules_together_can_hide_one() -> None:
    trees = (compare("size", "lte", 2), compare("size", "gt", 2), compare("size", "is_set"))

    (shadowed,) = found(ruleset(*trees), Kind.SHADOWED)

    assert shadowed.keys == ("r2",)
    assert "the rules before it" in shadowed.text


def test_a_rule_that_is_active_at_another_time_hides_nobody() -> None:
    summer = {"active_from": "2026-06-01T00:00:00Z", "active_until": "2026-09-01T00:00:00Z"}
    winter = {"active_from": "2026-12-01T00:00:00Z"}
    tree = compare("size", "is_set")

    assert found(ruleset(tree, tree, r0=summer), Kind.SHADOWED) == []
    assert found(ruleset(tree, tree, r0=summer, r1=winter), Kind.OVERLAP) == []
    assert len(found(ruleset(tree, tree, r1=summer), Kind.SHADOWED)) == 1


def test_same_people_with_different_outcomes_clash_where_all_rules_count() -> None:
    clash = found(
        ruleset(compare("size", "gt", 1), compare("size", "gt", 1), policy="collect"),
        Kind.CONFLICT,
    )

    assert [each.keys for each in clash] == [("r1", "r0")]
    assert clash[0].is_fault


def test_a_rule_of_less_value_never_wins_for_the_same_people() -> None:
    definition = ruleset(compare("size", "gt", 2), compare("size", "gt", 1), policy="highest_value")

    (shadowed,) = found(definition, Kind.SHADOWED)

    assert shadowed.keys == ("r0", "r1")
    assert "never wins" in shadowed.text
    assert [each.keys for each in found(definition, Kind.UNREACHABLE)] == [("r0",)]


def test_an_outcome_that_another_rule_shows_is_not_unreachable() -> None:
    same = {"outcome": {"block": "b0"}}
    trees = (compare("size", "gt", 1), compare("size", "gt", 2))

    assert len(found(ruleset(*trees), Kind.UNREACHABLE)) == 1
    assert found(ruleset(*trees, r1=same), Kind.UNREACHABLE) == []


def test_a_gap_comes_with_a_person_who_falls_through() -> None:
    (gap,) = found(ruleset(compare("size", "is_set")), Kind.GAP)

    assert gap.example == ("attributes.size is unknown",)
    assert not gap.is_fault


def test_disabled_rules_are_not_looked_at() -> None:
    contradiction = {"all": [compare("size", "gt", 2), compare("size", "lt", 1)]}

    assert len(found(ruleset(contradiction), Kind.NEVER)) == 1
    assert found(ruleset(contradiction, r0={"is_enabled": False}), Kind.NEVER) == []


def test_what_is_too_complex_is_said_and_not_guessed() -> None:
    parts = [compare("name", "contains", letter) for letter in "abcdefgh"]

    (unknown,) = found(ruleset({"all": parts}), Kind.UNKNOWN)[:1]

    assert "too many conditions on parts of one text" in unknown.text


@pytest.mark.parametrize("op", ["contains", "starts_with", "ends_with"])
def test_parts_of_a_text_may_hold_together(op: str) -> None:
    both = {"all": [compare("name", op, "a"), compare("name", "contains", "b")]}

    assert found(ruleset(both), Kind.NEVER) == []
