"""Rows a second when the demo's data set is loaded, and what is derived from it."""

import time
from collections.abc import Callable
from datetime import datetime

from django.db import connection
from django.utils import timezone

from benchmarks.report import Result, Table
from campaigns.demo import journey, load, scene
from campaigns.demo.rows import SEED
from consent.models import Job
from personalization import traits
from personalization.importing import events
from personalization.recommendations import train
from personalization.segments import membership

HOUSEHOLDS = {"short": 600, "full": None}
Row = tuple[str, int, float, str]


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Load into an empty database once: import by import, then derive."""
    now = timezone.now()
    started = time.monotonic()
    data = journey.load(customers=people or HOUSEHOLDS[scale], now=now)
    reading = time.monotonic() - started
    outcomes = load.journey(data, now=now, show=None)
    rows = [_imported(name, loaded=outcome.loaded) for name, outcome in outcomes.items()]
    items = _count("personalization_eventitem WHERE name = 'Order Completed'")
    left_out = sum(outcome.unknown_products for outcome in outcomes.values())
    rows += _derived(now)
    rows.insert(0, ("read the data set's files", len(data.lines.at), reading, ""))
    total = sum(seconds for _, _, seconds, _ in rows)
    return Result(
        figures={
            "households": len(data.households),
            "order_lines": items,
            "lines_of_unknown_products": left_out,
            "seed": SEED,
            "rows": [dict(zip(("step", "rows", "seconds"), row, strict=False)) for row in rows],
            "total_seconds": round(total, 2),
        },
        tables=[
            Table(
                ("step", "rows", "seconds", "rows/s"),
                [*rows, ("all together", items, total, f"{items / total:,.0f} order lines/s")],
            )
        ],
        notes=[f"{len(data.households):,} households, {items:,} product lines in their orders."],
    )


def _imported(name: str, *, loaded: int) -> Row:
    """The import's own job knows how long it took."""
    job = Job.objects.get(kind=f"import_{name}")
    assert job.started_at is not None
    assert job.ended_at is not None
    seconds = (job.ended_at - job.started_at).total_seconds()
    return _row(f"import {name}", rows=loaded, seconds=seconds)


def _derived(now: datetime) -> list[Row]:
    scene.build(now=now)
    return [
        _timed("planner's statistics", _refreshed),
        _timed("traits", lambda: traits.compute(now=now)),
        _timed("recommendation model (rows: linked products)", lambda: _trained(now)),
        _timed("segments (rows: members)", lambda: _members(now)),
    ]


def _refreshed() -> int:
    events.refresh_statistics()
    return _count("personalization_event")


def _trained(now: datetime) -> int:
    linked: int = train.train(now=now).metrics["products_with_neighbours"]
    return linked


def _members(now: datetime) -> int:
    return sum(change.size for change in membership.rebuild_all(now=now).values())


def _timed(name: str, action: Callable[[], int]) -> Row:
    started = time.monotonic()
    rows = action()
    return _row(name, rows=rows, seconds=time.monotonic() - started)


def _row(name: str, *, rows: int, seconds: float) -> Row:
    return name, rows, round(seconds, 3), f"{rows / seconds:,.0f}"


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
