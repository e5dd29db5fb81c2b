"""Seconds to derive the traits of everybody, and of the one in a hundred who changed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from django.db import connection
from django.utils import timezone

from benchmarks import crowd
from benchmarks.report import Result, Table, middle
from personalization import traits
from personalization.models import CustomerProfile, TraitModel

PEOPLE = {"short": 20_000, "full": 100_000}
ROUNDS = 3
CHANGED = 100


@dataclass(frozen=True, slots=True)
class Timed:
    seconds: float
    changed: int


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Derive in full, let one in a hundred change, derive theirs, and compare with all anew."""
    # An hour ahead: the consents of the crowd, recorded just now, are no news any more.
    now = timezone.now() + timedelta(hours=1)
    ids = crowd.settle(people or PEOPLE[scale], now=now)
    events = _count("personalization_event")
    first = _timed(lambda: traits.compute(now=now))
    rounds = []
    for number in range(ROUNDS):
        some = ids[number::CHANGED]
        crowd.happen(some, now=now, each=2, days=5, mark=f"R{number}-")
        crowd.make_due(some)
        due = _timed(lambda: traits.compute_due(now=now))
        # Nothing may be left for a full run to change: both ways have to give the same values.
        full = _timed(lambda: traits.compute(now=now, refit=False))
        rounds.append((due, full))
    dues, fulls = ([each[part] for each in rounds] for part in (0, 1))
    ratio = median(full.seconds / due.seconds for due, full in rounds)
    different = sum(full.changed for full in fulls)
    fit = TraitModel.objects.get(name="lifetime")
    head = ("run", "people", "changed", "seconds", "events/s")
    return Result(
        figures={
            "people": len(ids),
            "events": events,
            "with_traits": CustomerProfile.objects.exclude(traits={}).count(),
            "first_seconds": round(first.seconds, 2),
            "due_seconds": [round(each.seconds, 3) for each in dues],
            "due_changed": [each.changed for each in dues],
            "full_seconds": [round(each.seconds, 2) for each in fulls],
            "ratio": round(ratio, 1),
            "different_values": different,
            "fitted_on": fit.metrics.get("fitted_on"),
        },
        tables=[
            Table(
                head,
                [
                    ("everybody, with fitting and writing", len(ids), first.changed,
                     round(first.seconds, 2), _rate(events, first.seconds)),
                    ("everybody, as fitted", len(ids), different,
                     middle([each.seconds for each in fulls]),
                     _rate(events, middle([each.seconds for each in fulls]))),
                    (f"who changed (1 in {CHANGED})", len(ids) // CHANGED, dues[-1].changed,
                     middle([each.seconds for each in dues]), "–"),
                ],
            )
        ],
        notes=[
            f"Incremental: {ratio:.0f} times as fast, median of {ROUNDS} rounds in this run.",
            f"After each, the full run found {different} people whose values it had to change.",
        ],
    )  # fmt: skip


def _timed(action: Callable[[], int]) -> Timed:
    started = time.monotonic()
    changed = action()
    return Timed(seconds=time.monotonic() - started, changed=changed)


def _rate(events: int, seconds: float) -> str:
    return f"{events / seconds:,.0f}"


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
