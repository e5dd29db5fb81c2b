"""Trying other content: only what fits, on the share that was set, with the right probability."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from personalization.conditions.facts import Facts
from personalization.rules.evaluate import RuleSetError, compile_ruleset, evaluate, parse_ruleset
from personalization.rules.explore import explored, point

NOW = datetime(2026, 11, 25, tzinfo=UTC)
FACTS = Facts(profile_id=1, values={"attributes.n": 5})
PEOPLE = 20_000


def rule(key: str, least: int, **outcome: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": key,
        "priority": 1,
        "condition": {"field": "attributes.n", "op": "gte", "value": least},
        "outcome": {"block": "hero", "variant": key, **outcome},
    }


def shown(
    *lines: dict[str, Any], share: float, policy: str = "first"
) -> Counter[tuple[str, float]]:
    """What so many people see, with the probability that was noted."""
    content = {
        "hit_policy": policy,
        "rules": [{**line, "priority": place} for place, line in enumerate(lines)],
        "fallback": {"block": "hero", "variant": "fallback"},
        "exploration": share,
    }
    compiled = compile_ruleset(parse_ruleset(content))
    greedy = evaluate(compiled, FACTS, NOW)
    found = (
        explored(compiled, greedy, FACTS, NOW, at=point(f"p{n}", ruleset="hero", version=1))
        for n in range(PEOPLE)
    )
    return Counter((str(each.outcome["variant"]), each.probability) for each in found)


def test_each_is_seen_as_often_as_its_probability_says() -> None:
    counts = shown(rule("a", 1), rule("never", 9), rule("b", 2), share=0.3)

    assert set(counts) == {("a", 0.8), ("b", 0.1), ("fallback", 0.1)}
    for (_, probability), count in counts.items():
        assert count / PEOPLE == pytest.approx(probability, abs=0.01)


def test_without_a_share_the_rules_decide_alone() -> None:
    assert shown(rule("a", 1), rule("b", 1), share=0) == {("a", 1.0): PEOPLE}


def test_where_nothing_else_fits_nothing_is_tried() -> None:
    assert shown(rule("never", 9), share=0.5) == {("fallback", 1.0): PEOPLE}


def test_offers_are_not_tried_out_and_the_same_content_counts_once() -> None:
    counts = shown(
        rule("a", 1), rule("gift", 1, offer="voucher"), {**rule("a", 2), "key": "again"}, share=0.5
    )

    assert {variant for variant, _ in counts} == {"a", "fallback"}


def test_all_that_fit_are_shown_anyway() -> None:
    assert shown(rule("a", 1), rule("b", 1), share=0.5, policy="collect") == {("a", 1.0): PEOPLE}


def test_who_it_is_stays_the_same_for_a_version() -> None:
    first = [point(f"p{n}", ruleset="hero", version=1) for n in range(50)]

    assert first == [point(f"p{n}", ruleset="hero", version=1) for n in range(50)]
    assert first != [point(f"p{n}", ruleset="hero", version=2) for n in range(50)]
    assert all(0 <= each < 1 for each in first)


@pytest.mark.parametrize("share", [-0.1, 0.6, "0.1", True, None])
def test_a_share_that_is_none_is_refused(share: object) -> None:
    content = {
        "hit_policy": "first", "rules": [], "fallback": {"block": "a"}, "exploration": share,
    }  # fmt: skip

    with pytest.raises(RuleSetError, match=r"share from 0 to 0\.5"):
        parse_ruleset(content)
