"""Decision tables: which rule decides, what is asked on the way, what falls back."""

import copy
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from personalization.conditions.facts import Facts
from personalization.rules.evaluate import (
    Decision,
    RuleSetError,
    compile_ruleset,
    evaluate,
    parse_ruleset,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def rule(key: str, *, priority: int = 1, at_least: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": key.title(),
        "priority": priority,
        "condition": {"field": "n", "op": "gte", "value": at_least},
        "outcome": {"block": key},
        **more,
    }


def ruleset(*rules: dict[str, Any], hit_policy: str = "first") -> dict[str, Any]:
    return {"hit_policy": hit_policy, "rules": list(rules), "fallback": {"block": "fallback"}}


def decide(data: dict[str, Any], *, n: int | None, now: datetime = NOW) -> Decision:
    values = {} if n is None else {"n": n}
    return evaluate(compile_ruleset(parse_ruleset(data)), Facts(profile_id=1, values=values), now)


def test_first_hit_in_order_of_priority_decides_and_the_rest_is_not_asked() -> None:
    data = ruleset(
        rule("third", priority=30),
        rule("first", priority=10, at_least=9),
        rule("second", priority=20, at_least=5),
    )

    decision = decide(data, n=7)

    assert decision.rule_key == "second"
    assert decision.rule_name == "Second"
    assert decision.outcome == {"block": "second"}
    assert not decision.is_fallback
    assert decision.considered == (("first", False), ("second", True))


def test_equal_priorities_are_asked_in_the_order_of_writing() -> None:
    assert decide(ruleset(rule("a"), rule("b")), n=1).rule_key == "a"


def test_without_a_hit_or_without_data_the_fallback_answers() -> None:
    data = ruleset(rule("a", at_least=5), rule("b", at_least=6))

    for n in (1, None):
        decision = decide(data, n=n)
        assert decision.is_fallback
        assert decision.rule_key is None
        assert decision.outcome == {"block": "fallback"}
        assert decision.considered == (("a", False), ("b", False))


def test_a_ruleset_without_rules_always_falls_back() -> None:
    for hit_policy in ("first", "collect", "highest_value"):
        assert decide(ruleset(hit_policy=hit_policy), n=1).is_fallback


def test_collect_gathers_every_hit_in_order() -> None:
    data = ruleset(
        rule("c", priority=3), rule("a", priority=1), rule("b", priority=2, at_least=9),
        hit_policy="collect",
    )  # fmt: skip

    decision = decide(data, n=5)

    assert [hit.key for hit in decision.hits] == ["a", "c"]
    assert decision.outcome == {"block": "a"}
    assert decision.considered == (("a", True), ("b", False), ("c", True))


def test_highest_value_takes_the_best_hit_and_priority_breaks_a_tie() -> None:
    data = ruleset(
        rule("low", priority=1, outcome={"value": 5}),
        rule("best", priority=2, outcome={"value": 9.5}),
        rule("tied", priority=3, outcome={"value": 9.5}),
        rule("missed", priority=4, at_least=100, outcome={"value": 99}),
        hit_policy="highest_value",
    )

    assert decide(data, n=5).rule_key == "best"


def test_a_rule_is_active_from_its_beginning_to_just_before_its_end() -> None:
    data = ruleset(
        rule("sale", active_from="2026-11-23T12:00:00Z", active_until="2026-11-24"),
    )

    assert decide(data, n=1, now=NOW).rule_key == "sale"
    assert decide(data, n=1, now=datetime(2026, 11, 23, 11, 59, 59, tzinfo=UTC)).is_fallback
    assert decide(data, n=1, now=datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)).rule_key == "sale"
    assert decide(data, n=1, now=datetime(2026, 11, 24, tzinfo=UTC)).is_fallback
    assert decide({**data, "hit_policy": "collect"}, n=1, now=datetime(2026, 11, 24, tzinfo=UTC)
                  ).is_fallback  # fmt: skip


def test_a_disabled_rule_is_not_asked() -> None:
    decision = decide(ruleset(rule("off", is_enabled=False), rule("on")), n=1)

    assert decision.considered == (("on", True),)


def changed(path: list[Any], value: object) -> dict[str, Any]:
    data = copy.deepcopy(ruleset(rule("a"), rule("b")))
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    if value is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        ([], "", "JSON object"),
        (changed(["x"], 1), "", "unknown key “x”"),
        (changed(["hit_policy"], "any"), "hit_policy", "first, collect, highest_value"),
        (changed(["hit_policy"], ...), "hit_policy", "choose one of"),
        (changed(["fallback"], ...), "fallback", "fallback outcome is missing"),
        (changed(["fallback"], {}), "fallback", "not empty"),
        (changed(["rules"], {}), "rules", "a list"),
        (changed(["rules", 1], 5), "rules[1]", "JSON object"),
        (changed(["rules", 1, "prio"], 5), "rules[1]", "unknown key “prio”"),
        (changed(["rules", 1, "outcome"], ...), "rules[1]", "“outcome” is missing"),
        (changed(["rules", 1, "outcome"], {}), "rules[1].outcome", "not empty"),
        (changed(["rules", 1, "name"], " "), "rules[1].name", "1 to 200"),
        (changed(["rules", 1, "key"], "a"), "rules[1].key", "already the key of rules[0]"),
        (changed(["rules", 1, "priority"], "1"), "rules[1].priority", "whole number"),
        (changed(["rules", 1, "priority"], True), "rules[1].priority", "whole number"),
        (changed(["rules", 1, "active_from"], "soon"), "rules[1].active_from", "ISO time"),
        (changed(["rules", 1, "is_enabled"], 1), "rules[1].is_enabled", "true or false"),
        (
            ruleset(rule("a", active_from="2026-02-01", active_until="2026-01-01")),
            "rules[0].active_until",
            "ends before",
        ),
        (
            changed(["rules", 1, "condition"], {"all": [{"field": "n", "op": "x"}]}),
            "rules[1].condition.all[0].op",
            "unknown operator",
        ),
        (
            ruleset(rule("a", outcome={"value": "9"}), hit_policy="highest_value"),
            "rules[0].outcome.value",
            "number",
        ),
        *(
            (ruleset(rule("a", outcome={name: wrong})), f"rules[0].outcome.{name}", says)
            for name, wrong, says in (
                ("block", ["b"], "short name"),
                ("strategy", {"a": 1}, "short name"),
                ("offer", 5, "short name"),
                ("parameters", [], "an object"),
                ("value", float("nan"), "a number"),
                ("value", "9", "a number"),
            )
        ),
        (changed(["rules", 1, "name"], "a\x00b"), "rules[1].name", "NUL"),
    ],
)
def test_a_fault_in_a_ruleset_is_named_with_its_path(data: object, path: str, says: str) -> None:
    with pytest.raises(RuleSetError, match=re.escape(says)) as caught:
        parse_ruleset(data)

    assert caught.value.path == path
