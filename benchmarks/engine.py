"""Decisions a second of the engine alone: people loaded, rules asked, products recommended.

Rendering is apart: the blocks are a word each. Nothing is sent and no receipt is kept.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import report
from benchmarks.shop import open_shop
from config.celery import rest_the_collector
from consent import gate
from consent.models import DataSubject
from personalization import engine
from personalization.content import blocks
from personalization.models import ContentBlock, RuleSet
from personalization.profiles import load
from personalization.rules import publish as rules

PEOPLE = {"short": 6_000, "full": 50_000}
CHUNK = 500
SLOTS = 3
RULES = 20
PRODUCTS = 4
ROUNDS = 3
STRATEGIES = ("because_you_bought", "because_you_viewed", "buy_again")
PLACES = ("Chicago", "Köln", "Lyon", "Leeds", "Sevilla")


@dataclass(frozen=True, slots=True)
class Round:
    people: int
    seconds: float
    cpu_seconds: float
    loading_seconds: float


def measure(*, scale: str, port: int, people: int | None) -> report.Result:
    """Decide for everybody in chunks of 500, on one core, database fetch included."""
    now = datetime.now(UTC)
    open_shop(people or PEOPLE[scale], now=now)
    rulesets = {f"slot-{number}": _ruleset(number, now=now) for number in range(SLOTS)}
    plan = engine.prepare(rulesets, recommendation_count=PRODUCTS, now=now)
    ids = list(DataSubject.objects.order_by("pk").values_list("pk", flat=True))
    # As in a worker: see there.
    rest_the_collector()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        _round(ids[:CHUNK], plan=plan, now=now)
        rounds = [_round(ids, plan=plan, now=now) for _ in range(ROUNDS)]
    finally:
        os.sched_setaffinity(0, cores)
    return _result(rounds)


def _round(ids: Sequence[int], *, plan: engine.Plan, now: datetime) -> Round:
    started, cpu, loading, decided = time.perf_counter(), time.process_time(), 0.0, 0
    for chunk in _chunks(ids):
        permissions = gate.permissions(chunk, purpose="email_marketing", at=now)
        before = time.perf_counter()
        profiles = load.profiles(permissions, needs=plan.needs, catalogue=plan.catalogue, now=now)
        loading += time.perf_counter() - before
        contents = engine.personalize(profiles, plan=plan, permissions=permissions, now=now)
        if any(len(content.decision["slots"]) != SLOTS for content in contents.values()):
            raise AssertionError("a person was left without a slot")
        decided += len(contents)
    return Round(
        people=decided,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        loading_seconds=loading,
    )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _ruleset(number: int, *, now: datetime) -> RuleSet:
    """Twenty rules: most look at fields, every fifth at the last month's events."""
    block = ContentBlock.objects.create(slug=f"bench-{number}", name=f"Bench {number}")
    variants = [
        {"key": f"v{line}", "name": f"V{line}", "html": "word", "text": "word"}
        for line in range(RULES + 1)
    ]
    content = {"variants": variants, "fallback": f"v{RULES}"}
    blocks.publisher.publish(block, content=content, now=now)
    lines = [
        {
            "key": f"r{line}", "name": f"Rule {line}", "priority": line + 1,
            "condition": _condition(number, line),
            "outcome": {
                "block": block.slug, "variant": f"v{line}", "strategy": STRATEGIES[number],
            },
        }
        for line in range(RULES)
    ]  # fmt: skip
    fallback = {"block": block.slug, "variant": f"v{RULES}", "strategy": STRATEGIES[number]}
    made = RuleSet.objects.create(slug=f"bench-{number}", name=f"Bench {number}")
    table = {"hit_policy": "first", "rules": lines, "fallback": fallback}
    rules.publisher.publish(made, content=table, now=now)
    return RuleSet.objects.get(pk=made.pk)


def _condition(number: int, line: int) -> dict[str, Any]:
    if line % 5 == 4:
        return {
            "event": "Order Completed", "within": {"days": 30},
            "count": {"op": "gte", "value": 2 + line // 5 + number},
        }  # fmt: skip
    return {
        "all": [
            {"field": "attributes.city", "op": "eq", "value": PLACES[(line + number) % 5]},
            {"field": "traits.order_count", "op": "gte", "value": 3 + line},
            {"field": "traits.total_spent", "op": "gte", "value": 60 * (line + 1)},
        ]
    }


def _result(rounds: Sequence[Round]) -> report.Result:
    per_second = [each.people / each.seconds for each in rounds]
    per_cpu = [each.people / each.cpu_seconds for each in rounds]
    share = [each.loading_seconds / each.seconds * 100 for each in rounds]
    measured = {
        "people a second, all slots decided": per_second,
        f"decisions a second ({SLOTS} slots each)": [SLOTS * each for each in per_second],
        "people a CPU second of the process": per_cpu,
        "loading profiles, % of the time": share,
    }
    rows: list[list[report.Cell]] = [
        [name, report.middle(values), report.spread(values)] for name, values in measured.items()
    ]
    head = ["engine, one core", "median", "lowest–highest"]
    figures = {"people": rounds[0].people, "per_second": per_second, "per_cpu_second": per_cpu}
    note = (
        f"{rounds[0].people:,} people in chunks of {CHUNK}; {SLOTS} slots of {RULES} rules each, "
        f"{PRODUCTS} recommendations a slot by three strategies; the process is pinned to one "
        "core, PostgreSQL works beside it. Blocks are one word, so rendering is apart."
    )
    return report.Result(figures=figures, tables=[report.Table(head, rows)], notes=[note])
