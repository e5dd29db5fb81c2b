"""Microseconds to ask a ruleset about one loaded profile, beside three JSON rule engines."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import datalogic_py
import zen
from json_logic import jsonLogic

from benchmarks.report import Result, Table
from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.to_python import compile_tree
from personalization.conditions.tree import parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES, FIELDS, WINDOWS = 20, 5, 10
ROUNDS = 7
TIMES = {"short": 2_000, "full": 20_000}
_SYMBOLS = {"gte": ">=", "lt": "<", "eq": "=="}
_Condition = tuple[str, str, object]
HISTORY = 12
VALUES: dict[str, object] = {
    "order_count": 5, "country": "DE", "total_spent": 250.25, "recency_days": 12,
    "loyalty": "gold", "city": "Berlin", "language": "de", "engagement": 40,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Engine:
    """`prepare` makes of values what `ask` takes."""

    name: str
    prepare: Callable[[dict[str, object]], Any]
    ask: Callable[[Any], bool]

    def asked(self, values: dict[str, object]) -> Callable[[], bool]:
        ask, prepared = self.ask, self.prepare(values)
        return lambda: ask(prepared)


class AnswersDiffer(Exception):
    """Two engines do not say the same of the same profile."""


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """All engines in turns, round by round; each shows first that it means the same."""
    rules = [_rule(number) for number in range(RULES)]
    engines = [_ours(rules), *_peers(rules)]
    _agree(engines)
    asked = {each.name: each.asked(VALUES) for each in engines}
    asked[f"Attune, with {WINDOWS} event windows"] = _with_windows(rules)
    figures = _rounds(asked, times=TIMES[scale])
    own = median(figures["Attune"])
    rows = [
        (name, round(median(found), 2), f"{min(found):.2f}–{max(found):.2f}",
         round(median(found) / own, 2))
        for name, found in figures.items()
    ]  # fmt: skip
    return Result(
        figures={"rules": RULES, "fields": FIELDS, "microseconds": figures},
        tables=[Table(("engine", "µs a profile", "lowest–highest", "× Attune"), rows)],
        notes=[
            (
                f"{RULES} rules of {FIELDS} field conditions, none hits, each fails at its third "
                f"on average; medians of {ROUNDS} rounds of {TIMES[scale]:,} in turns. With event "
                f"windows, {WINDOWS} of the rules get as far as counting a history of "
                f"{HISTORY} events. Data is handed over in each engine's own form, made before."
            ),
        ],
    )


def _rule(number: int) -> list[_Condition]:
    """Five conditions that hold, but for one: the first to the fifth in turn."""
    conditions: list[_Condition] = [
        ("order_count", "gte", 1 + number % 3),
        ("country", "eq", "DE"),
        ("total_spent", "gte", 10.5 + number),
        ("recency_days", "lt", 400 - number),
        ("loyalty", "eq", "gold"),
    ]
    place = number % FIELDS
    name, op, _ = conditions[place]
    never = {"gte": 10**6, "lt": 0, "eq": f"nobody {number}"}
    conditions[place] = (name, op, never[op])
    return conditions


def _ours(rules: list[list[_Condition]]) -> Engine:
    compiled = [compile_tree(parse(_tree(rule))) for rule in rules]
    return Engine("Attune", _facts, lambda facts: any(rule(facts, NOW) for rule in compiled))


def _peers(rules: list[list[_Condition]]) -> list[Engine]:
    logic = [
        {"and": [{_SYMBOLS[op]: [{"var": name}, value]} for name, op, value in rule]}
        for rule in rules
    ]
    compiled = [datalogic_py.Engine().compile(rule) for rule in logic]
    written = [
        zen.compile_expression(
            " and ".join(f"{name} {_SYMBOLS[op]} {json.dumps(value)}" for name, op, value in rule)
        )
        for rule in rules
    ]
    return [
        Engine("json-logic (pure Python)", dict, lambda v: any(jsonLogic(r, v) for r in logic)),
        Engine(
            "datalogic-py",
            lambda values: datalogic_py.DataHandle(json.dumps(values)),
            lambda handle: any(rule.evaluate_data(handle) for rule in compiled),
        ),
        Engine("zen-engine", dict, lambda v: any(rule.evaluate(v) for rule in written)),
    ]


def _with_windows(rules: list[list[_Condition]]) -> Callable[[], bool]:
    """Half of the rules fail at their fields, the others only at their event window."""
    trees = [_tree(rule) for rule in rules[: RULES - WINDOWS]]
    for number in range(WINDOWS):
        fields = [(name, "eq", value) for name, value in list(VALUES.items())[:FIELDS]]
        window: dict[str, object] = {
            "event": "Product Viewed",
            "count": {"op": "gte", "value": HISTORY},
            "within": {"days": 1 + number},
        }
        trees.append({"all": [*_tree(fields)["all"], window]})
    compiled = [compile_tree(parse(tree)) for tree in trees]
    history = [
        EventFact("Product Viewed", NOW - timedelta(hours=1 + 24 * day)) for day in range(HISTORY)
    ]
    facts = Facts(1, _facts(VALUES).values, {"Product Viewed": history})
    return lambda: any(rule(facts, NOW) for rule in compiled)


def _tree(rule: list[_Condition]) -> dict[str, list[dict[str, object]]]:
    return {
        "all": [{"field": f"traits.{name}", "op": op, "value": value} for name, op, value in rule]
    }


def _facts(values: dict[str, object]) -> Facts:
    return Facts(profile_id=1, values={f"traits.{name}": each for name, each in values.items()})


def _agree(engines: list[Engine]) -> None:
    """The profile hits nothing; changed so that the second rule holds, it hits for all of them."""
    _, (name, _, wanted), *_ = _rule(1)
    for values, expected in ((VALUES, False), ({**VALUES, name: wanted}, True)):
        told = {each.name: each.asked(values)() for each in engines}
        if set(told.values()) != {expected}:
            raise AnswersDiffer(f"expected {expected}, got {told}")


def _rounds(asked: dict[str, Callable[[], bool]], *, times: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, ask in asked.items():
            started = time.perf_counter()
            for _ in range(times):
                ask()
            found[name].append((time.perf_counter() - started) / times * 1e6)
    return found
