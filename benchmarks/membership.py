"""Seconds from an event to the membership it changes, and what counting everybody anew costs."""

import random
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

import numpy as np
from django.db import connection, connections, transaction
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
# How often the scheduler looks, should nobody wake it.
SCHEDULE_SECONDS = 2.0
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
    # All are counted, and whom time will move is found out, before the clock starts.
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
        f"The first count and {figures['ready_looks']:,} looks took {figures['ready_seconds']} s.",
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
    """One connection writes the events, another keeps the members: as processes do that share a
    database. A worker that falls behind takes more at once, and what waits for it counts."""
    stream = _Stream(ids, steps=int(seconds * RATE / STEP))
    lags: list[float] = []
    looked = cpu = 0.0

    def clock() -> datetime:
        lags.extend(stream.brought_in())
        return timezone.now()

    with ThreadPoolExecutor(max_workers=1) as pool:
        writing = pool.submit(stream.run)
        while not writing.done() or stream.waiting:
            stream.woken.wait(SCHEDULE_SECONDS)
            stream.woken.clear()
            started, used = time.monotonic(), time.thread_time()
            upkeep.keep_up(clock=clock)
            lags.extend(stream.brought_in())
            looked += time.monotonic() - started
            cpu += time.thread_time() - used
        writing.result()
    return Paced(lags=lags, looked=looked, cpu_seconds=cpu)


@dataclass(frozen=True, slots=True)
class _Step:
    """Events of which the last was due then, and the number of the last note about them."""

    due: float
    last_touch: int


class _Stream:
    """Writes a step of events whenever one is due, and wakes who keeps the members."""

    def __init__(self, ids: list[int], *, steps: int) -> None:
        self.ids = ids
        self.steps = steps
        self.waiting: deque[_Step] = deque()
        self.woken = threading.Event()
        # One connection writes all notes, so their numbers are in the order of the steps.
        self.last_touch = 0

    def run(self) -> None:
        chance, began = random.Random(SEED), time.monotonic()
        try:
            for step in range(self.steps):
                due = began + step * STEP / RATE
                time.sleep(max(0.0, due - time.monotonic()))
                some = chance.sample(self.ids, STEP)
                with transaction.atomic():
                    last = _happen(some, chance=chance)
                self.waiting.append(_Step(due, last))
                self.woken.set()
        finally:
            connections.close_all()

    def brought_in(self) -> list[float]:
        """Return how long ago the events were due that nobody is noted for any more."""
        committed = len(self.waiting)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM personalization_segment_touch WHERE is_bulk = false AND id > %s"
                " ORDER BY is_bulk, id LIMIT 1",
                [self.last_touch],
            )
            first = cursor.fetchone()
        now, found = time.monotonic(), []
        while committed and (first is None or self.waiting[0].last_touch < first[0]):
            step = self.waiting.popleft()
            self.last_touch = step.last_touch
            found += [now - step.due] * STEP
            committed -= 1
        return found


def _happen(some: list[int], *, chance: random.Random) -> int:
    """Let each of these do one thing that segments ask for; return the number of the last note."""
    now = timezone.now() - timedelta(milliseconds=1)
    codes = [chance.randint(1, len(NAMES)) for _ in some]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO personalization_event (source_id, name, profile_id, origin_profile_id,"
            " occurred_at, received_at, properties) SELECT (SELECT min(id) FROM"
            " personalization_source), (%s::text[])[code], pk, pk, %s, %s, '{}'"
            " FROM unnest(%s::bigint[], %s::integer[]) AS given (pk, code)"
            " RETURNING id, profile_id",
            [list(NAMES), now, now, some, codes],
        )
        rows = cursor.fetchall()
        code_of = dict(zip(some, codes, strict=True))
        ids, people = np.array(sorted(rows), np.int64).T
        at = np.full_like(ids, round(now.timestamp() * 1e6))
        told = np.array([code_of[pk] for pk in people.tolist()], np.int64)
        touching.note(Latest(list(NAMES), people, told, ids, at), is_bulk=False)
        cursor.execute(
            "SELECT currval(pg_get_serial_sequence('personalization_segment_touch', 'id'))"
        )
        return int(cursor.fetchone()[0])
