"""Seconds from an event to the membership it changes, and what counting everybody anew costs."""

import random
import time
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from benchmarks import crowd
from benchmarks.report import Result, Table
from personalization.importing import touching
from personalization.importing.event_days import Latest
from personalization.models import Segment
from personalization.segments import checking, membership, publish, upkeep, waiting

PEOPLE = {"short": 10_000, "full": 100_000}
SECONDS = {"short": 15.0, "full": 60.0}
RATE, STEP = 500, 50
SEGMENTS = 20
SEED = 4
NAMES = ("Product Viewed", "Product Added", "Order Completed", "Email Opened")


class MembersDiffer(Exception):
    """What is kept person by person is not what a count over everybody finds, or is not done."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Seconds from an event to its membership and, of a step's work, in all and by processor."""

    lags: list[float]
    looked: float
    cpu_seconds: float


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Twenty live segments; events at a steady rate, each step committed and then worked on."""
    began = time.monotonic()
    ids = crowd.settle(people or PEOPLE[scale], now=timezone.now())
    made = time.monotonic() - began
    for number in range(SEGMENTS):
        _live(number)
    membership.rebuild_all(now=timezone.now())
    # Who waits for the conditions being new is looked at before the clock starts.
    ready, looks = _settled()
    paced = _paced(ids, seconds=SECONDS[scale])
    _refuse_differences()
    started = time.monotonic()
    membership.rebuild_all(now=timezone.now())
    full = time.monotonic() - started
    cuts = quantiles(paced.lags, n=100)
    each = paced.looked / len(paced.lags)
    figures: dict[str, Any] = {
        "people": len(ids), "segments": SEGMENTS, "events": len(paced.lags),
        "made_seconds": round(made, 1), "ready_seconds": round(ready, 1), "ready_looks": looks,
        "p50_seconds": round(cuts[49], 3), "p95_seconds": round(cuts[94], 3),
        "worst_seconds": round(max(paced.lags), 3),
        "cpu_milliseconds_an_event": round(1000 * paced.cpu_seconds / len(paced.lags), 3),
        "busy_share": round(paced.looked / (len(paced.lags) / RATE), 3),
        "rebuild_seconds": round(full, 2), "seconds_an_event": round(each, 5),
        "ratio": round(full / (each * STEP), 1),
    }  # fmt: skip
    return Result(figures=figures, tables=[_table(figures)], notes=_notes(figures))


def _table(figures: dict[str, Any]) -> Table:
    named = f"{RATE} events/s, {SEGMENTS} segments"
    times = (figures["p50_seconds"], figures["p95_seconds"], figures["worst_seconds"])
    rows = [
        (named, figures["events"], *times),
        (f"rebuild of all {SEGMENTS}", figures["people"], "–", "–", figures["rebuild_seconds"]),
    ]
    head = ("run", "events or people", "p50 seconds", "p95 seconds", "slowest, or all")
    return Table(head, rows)


def _notes(figures: dict[str, Any]) -> list[str]:
    share = 100 * figures["busy_share"]
    return [
        f"A rebuild costs {figures['ratio']} times what bringing in {STEP} events costs.",
        f"Looking took {share:.0f} % of the time.",
        f"Our own processor needed {figures['cpu_milliseconds_an_event']} ms an event.",
        f"The shop was made in {figures['made_seconds']} s.",
        f"Then {figures['ready_looks']:,} looks in {figures['ready_seconds']} s: whom time moves.",
        f"At the end nobody waited; all {SEGMENTS} segments had the members a full count finds.",
    ]


def _settled() -> tuple[float, int]:
    """Work until nobody waits; return the seconds it took and how many were looked at."""
    started, looks = time.monotonic(), 0
    while not (done := upkeep.keep_up(clock=timezone.now)).is_idle:
        looks += done.people
    return time.monotonic() - started, looks


def _refuse_differences() -> None:
    left = waiting.backlog().count
    if left:
        raise MembersDiffer(f"{left} people still wait to be looked at")
    drifts = checking.check_all(now=timezone.now())
    wrong = {slug: drift for slug, drift in drifts.items() if drift}
    if wrong or len(drifts) != SEGMENTS:
        raise MembersDiffer(f"of {len(drifts)} segments differ: {wrong}")


def _live(number: int) -> None:
    window = {"days": (1, 7, 30, 90, 365)[number % 5]}
    tree = {"event": NAMES[number % 4], "within": window,
            "count": {"op": "gte", "value": 1 + number // 5}}  # fmt: skip
    made = Segment.objects.create(slug=f"s{number}", name=f"Segment {number}")
    publish.publisher.publish(made, content={"tree": tree}, now=timezone.now())


def _paced(ids: list[int], *, seconds: float) -> Paced:
    """A batch waits for its turn where the one before took too long: that counts as well."""
    chance, lags, looked, cpu = random.Random(SEED), [], 0.0, 0.0
    began = time.monotonic()
    for step in range(int(seconds * RATE / STEP)):
        due = began + step * STEP / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        some = chance.sample(ids, STEP)
        with transaction.atomic():
            _happen(some)
        started, used = time.monotonic(), time.process_time()
        upkeep.keep_up(clock=timezone.now)
        ended = time.monotonic()
        looked += ended - started
        cpu += time.process_time() - used
        lags += [ended - due] * STEP
    return Paced(lags=lags, looked=looked, cpu_seconds=cpu)


def _happen(some: list[int]) -> None:
    now = timezone.now() - timedelta(milliseconds=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO personalization_event (source_id, name, profile_id, origin_profile_id,"
            " occurred_at, received_at, properties) SELECT (SELECT min(id) FROM"
            " personalization_source), %s, pk, pk, %s, %s, '{}' FROM unnest(%s::bigint[]) AS pk"
            " RETURNING id, profile_id",
            ["Product Viewed", now, now, some],
        )
        rows = cursor.fetchall()
    ids, people = np.array(sorted(rows), np.int64).T
    at = np.full_like(ids, round(now.timestamp() * 1e6))
    latest = Latest(["Product Viewed"], people, np.ones_like(ids), ids, at)
    touching.note(latest, is_bulk=False)
