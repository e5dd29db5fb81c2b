"""Seconds from an event to the membership it changes, and what counting everybody anew costs."""

import random
import time
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
from personalization.segments import membership, publish, upkeep

PEOPLE = {"short": 10_000, "full": 100_000}
SECONDS = {"short": 15.0, "full": 60.0}
RATE, STEP = 500, 50
SEED = 4
NAMES = ("Product Viewed", "Product Added", "Order Completed", "Email Opened")


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Twenty live segments; events at a steady rate, each step committed and then worked on."""
    ids = crowd.settle(people or PEOPLE[scale], now=timezone.now())
    for number in range(20):
        _live(number)
    membership.rebuild_all(now=timezone.now())
    # Who waits for the conditions being new is looked at before the clock starts.
    while not upkeep.catch_up(now=timezone.now()).is_idle:
        pass
    lags, looked = _paced(ids, seconds=SECONDS[scale])
    started = time.monotonic()
    membership.rebuild_all(now=timezone.now())
    full = time.monotonic() - started
    cuts = quantiles(lags, n=100)
    each = sum(looked) / len(lags)
    figures: dict[str, Any] = {
        "people": len(ids), "segments": 20, "events": len(lags),
        "p50_seconds": round(cuts[49], 3), "p95_seconds": round(cuts[94], 3),
        "rebuild_seconds": round(full, 2), "seconds_an_event": round(each, 5),
        "ratio": round(full / (each * STEP), 1),
    }  # fmt: skip
    rows = [
        (
            f"{RATE} events/s, 20 segments",
            len(lags),
            figures["p50_seconds"],
            figures["p95_seconds"],
        ),
        ("rebuild of all 20", len(ids), "–", figures["rebuild_seconds"]),
    ]
    note = f"A rebuild costs {figures['ratio']} times what bringing in {STEP} events costs."
    head = ("run", "events or people", "p50 seconds", "p95 seconds, or all")
    return Result(figures=figures, tables=[Table(head, rows)], notes=[note])


def _live(number: int) -> None:
    window = {"days": (1, 7, 30, 90, 365)[number % 5]}
    tree = {"event": NAMES[number % 4], "within": window,
            "count": {"op": "gte", "value": 1 + number // 5}}  # fmt: skip
    made = Segment.objects.create(slug=f"s{number}", name=f"Segment {number}")
    publish.publisher.publish(made, content={"tree": tree}, now=timezone.now())


def _paced(ids: list[int], *, seconds: float) -> tuple[list[float], list[float]]:
    """A batch waits for its turn where the one before took too long: that counts as well."""
    chance, lags, looked = random.Random(SEED), [], []
    began = time.monotonic()
    for step in range(int(seconds * RATE / STEP)):
        due = began + step * STEP / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        some = chance.sample(ids, STEP)
        with transaction.atomic():
            _happen(some)
        started = time.monotonic()
        upkeep.catch_up(now=timezone.now())
        ended = time.monotonic()
        looked.append(ended - started)
        lags += [ended - due] * STEP
    return lags, looked


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
