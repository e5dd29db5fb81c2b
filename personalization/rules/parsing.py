"""Read a ruleset from JSON; every fault names its place, down into the condition trees."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import cast, get_args

from personalization.conditions import values
from personalization.conditions.errors import TreeError, join
from personalization.conditions.nodes import Node
from personalization.conditions.parsing import parse
from personalization.conditions.parsing_values import read_text
from personalization.rules.ruleset import HitPolicy, Outcome, Rule, RuleSetDefinition

MAX_RULES = 200
_KEYS = frozenset({"hit_policy", "rules", "fallback", "exploration"})
MOST_EXPLORATION = 0.5
_NEEDED = ("key", "name", "priority", "condition", "outcome")
_RULE_KEYS = frozenset({*_NEEDED, "active_from", "active_until", "is_enabled"})


class RuleSetError(TreeError):
    """A fault in a ruleset, with its path, such as `rules[2].condition.all[0].op`."""


def parse_ruleset(data: object) -> RuleSetDefinition:
    """The typed ruleset with its rules as written, or a RuleSetError."""
    found = _object(data, path="", allowed=_KEYS)
    hit_policy = found.get("hit_policy")
    if hit_policy not in get_args(HitPolicy):
        raise RuleSetError("hit_policy", f"choose one of: {', '.join(get_args(HitPolicy))}")
    if "fallback" not in found:
        raise RuleSetError(
            "fallback", "the fallback outcome is missing; say what those get whom no rule matches"
        )
    items = found.get("rules")
    if not isinstance(items, list) or len(items) > MAX_RULES:
        raise RuleSetError("rules", f"a list of at most {MAX_RULES} rules is needed here")
    rules = [_rule(item, path=f"rules[{index}]") for index, item in enumerate(items)]
    _check_keys(rules)
    if hit_policy == "highest_value":
        _check_worth(rules)
    return RuleSetDefinition(
        hit_policy=cast(HitPolicy, hit_policy),
        rules=tuple(rules),
        fallback=_outcome(found["fallback"], path="fallback"),
        exploration=_share(found.get("exploration", 0), path="exploration"),
    )


def _rule(data: object, *, path: str) -> Rule:
    found = _object(data, path=path, allowed=_RULE_KEYS)
    for key in _NEEDED:
        if key not in found:
            raise RuleSetError(path, f"the key “{key}” is missing")
    rule = Rule(
        key=_text(found["key"], path=join(path, "key")),
        name=_text(found["name"], path=join(path, "name")),
        priority=_priority(found["priority"], path=join(path, "priority")),
        condition=_condition(found["condition"], path=join(path, "condition")),
        outcome=_outcome(found["outcome"], path=join(path, "outcome")),
        active_from=_moment(found.get("active_from"), path=join(path, "active_from")),
        active_until=_moment(found.get("active_until"), path=join(path, "active_until")),
        is_enabled=_flag(found.get("is_enabled", True), path=join(path, "is_enabled")),
    )
    if rule.active_from and rule.active_until and rule.active_from >= rule.active_until:
        raise RuleSetError(join(path, "active_until"), "the rule ends before it begins")
    return rule


def _object(data: object, *, path: str, allowed: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise RuleSetError(path, f"a JSON object {{…}} is needed, not {type(data).__name__}")
    for key in data:
        if key not in allowed:
            raise RuleSetError(
                path, f"unknown key “{str(key)[:40]}”; known here: {', '.join(sorted(allowed))}"
            )
    return cast("dict[str, object]", data)


def _condition(data: object, *, path: str) -> Node:
    try:
        return parse(data)
    except TreeError as error:
        raise RuleSetError(join(path, error.path), error.message) from error


def _outcome(data: object, *, path: str) -> Outcome:
    if not isinstance(data, dict) or not data:
        raise RuleSetError(path, "an outcome is an object that says what is shown, and not empty")
    for name in ("block", "variant", "strategy", "offer"):
        if not isinstance(data.get(name, ""), str | None):
            raise RuleSetError(join(path, name), "a short name is needed here, as a text")
    if not isinstance(data.get("parameters", {}), dict | None):
        raise RuleSetError(join(path, "parameters"), "the limits are an object {…}")
    if not _is_figure(data.get("value", 0)):
        raise RuleSetError(join(path, "value"), "the value is a number to compare by")
    return cast("dict[str, object]", data)


def _is_figure(data: object) -> bool:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    return data is None or (is_number and isfinite(cast(float, data)))


def _text(data: object, *, path: str) -> str:
    if not isinstance(data, str) or not data.strip() or len(data) > 200:
        raise RuleSetError(path, "a text of 1 to 200 characters is needed here")
    try:
        return read_text(data, path=path)
    except TreeError as error:
        raise RuleSetError(path, error.message) from error


def _share(data: object, *, path: str) -> float:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    if not is_number or not 0 <= cast(float, data) <= MOST_EXPLORATION:
        raise RuleSetError(path, f"a share from 0 to {MOST_EXPLORATION:g}, as 0.05 for 5 %")
    return float(cast(float, data))


def _priority(data: object, *, path: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or not 0 <= data <= 1_000_000:
        raise RuleSetError(path, "a whole number from 0 on; the lowest is asked first")
    return data


def _moment(data: object, *, path: str) -> datetime | None:
    if data is None:
        return None
    at = values.moment(data)
    if at is None:
        raise RuleSetError(path, 'an ISO time such as "2026-11-23T00:00:00Z", or null, is needed')
    return at


def _flag(data: object, *, path: str) -> bool:
    if not isinstance(data, bool):
        raise RuleSetError(path, "write true or false")
    return data


def _check_keys(rules: list[Rule]) -> None:
    seen: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if rule.key in seen:
            raise RuleSetError(
                f"rules[{index}].key",
                f"“{rule.key}” is already the key of rules[{seen[rule.key]}]; choose another",
            )
        seen[rule.key] = index


def _check_worth(rules: list[Rule]) -> None:
    for index, rule in enumerate(rules):
        value = rule.outcome.get("value")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise RuleSetError(
                f"rules[{index}].outcome.value",
                "under “highest_value” every outcome has a number “value” to compare by",
            )
