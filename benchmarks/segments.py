"""How long it takes to count twenty segments over a big shop: exactly, and as an estimate."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

from django.db import connection

from benchmarks import market
from benchmarks.report import Result, Table
from personalization.models import Segment
from personalization.segments import counts, membership, population, publish
from personalization.segments.counts import Estimate

_T = TypeVar("_T")
PEOPLE = {"short": 100_000, "full": 1_000_000}
ROUNDS = 5
PATIENCE_MILLISECONDS = 600_000
TREES = Path(__file__).with_name("segments.json")
NAIVE = Path(__file__).with_name("segments_naive.sql")


class CountsDiffer(Exception):
    """A fast count is not what the SQL written by hand says."""


@dataclass(frozen=True, slots=True)
class Counted:
    slug: str
    people: int
    naive_seconds: float
    first_ms: float
    exact_ms: float
    estimate_ms: float
    estimate: Estimate


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Count each segment by hand, exactly and from the sample; stop where two counts differ."""
    started = time.monotonic()
    events = market.settle(people or PEOPLE[scale])
    made = time.monotonic() - started
    trees = {each["slug"]: each["tree"] for each in json.loads(TREES.read_text())}
    _publish(trees)
    naive = _naive()
    with connection.cursor() as cursor:
        cursor.execute(naive["views"], {"now": market.NOW})
    found = [_counted(slug, tree, naive=naive[slug]) for slug, tree in trees.items()]
    exact, estimates = ([getattr(each, name) for each in found] for name in _TIMES)
    p95 = quantiles(exact, n=20, method="inclusive")[-1]
    inside = sum(each.estimate.low <= each.people <= each.estimate.high for each in found)
    return Result(
        figures={
            "people": people or PEOPLE[scale],
            "events": events,
            "generated_seconds": round(made, 1),
            "exact_p95_ms": round(p95),
            "exact_worst_ms": round(max(exact)),
            "estimate_worst_ms": round(max(estimates)),
            "truth_inside_interval": inside,
            "segments": [_row(each) for each in found],
        },
        tables=[Table(("segment", *_HEAD), [_row(each) for each in found])],
        notes=[
            f"{events:,} events of {people or PEOPLE[scale]:,} people, made in {made:.0f} s.",
            (
                f"Exact: p95 {p95:,.0f} ms, worst {max(exact):,.0f} ms. Estimate: median "
                f"{median(estimates):,.0f} ms, worst {max(estimates):,.0f} ms; {inside} of "
                f"{len(found)} intervals hold the true number."
            ),
        ],
    )


_TIMES = ("exact_ms", "estimate_ms")
_HEAD = (
    "people", "by hand, ms", "first, ms", "exact, ms", "× by hand", "estimate, ms", "estimated",
    "from", "to",
)  # fmt: skip


def _row(each: Counted) -> tuple[str, int, float, float, float, float, float, int, int, int]:
    about = each.estimate
    ratio = round(each.naive_seconds * 1000 / each.exact_ms, 1)
    return (
        each.slug, each.people, round(each.naive_seconds * 1000), round(each.first_ms),
        round(each.exact_ms), ratio, round(each.estimate_ms), about.value, about.low, about.high,
    )  # fmt: skip


def _publish(trees: dict[str, object]) -> None:
    """Put all segments live, and compute those that others are made of."""
    for slug, tree in trees.items():
        segment = Segment.objects.create(slug=slug, name=slug)
        publish.publisher.publish(segment, content={"tree": tree}, now=market.NOW)
    inner = {slug for slug in trees if any(f'"{slug}"' in json.dumps(t) for t in trees.values())}
    with connection.cursor() as cursor:
        for segment in Segment.objects.filter(slug__in=inner).select_related("live"):
            assert segment.live is not None
            # Only who is in matters here; upkeep of members is measured elsewhere.
            condition = membership.compiled(segment.live, now=market.NOW)
            cursor.execute(
                "INSERT INTO personalization_segmentmembership (segment_id, profile_id, entered_at)"
                f" SELECT %s, p.subject_id, %s FROM {population.PEOPLE}"
                f" WHERE {population.LIVING} AND {condition.sql}",
                [segment.pk, market.NOW, *condition.params],
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE personalization_segmentmembership")


def _naive() -> dict[str, str]:
    parts = NAIVE.read_text().split("-- name: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}


def _counted(slug: str, tree: object, *, naive: str) -> Counted:
    def exactly() -> int | None:
        return counts.exact(tree, now=market.NOW, patience_milliseconds=PATIENCE_MILLISECONDS)

    first, found = _timed(exactly)
    naive_time, wanted = _timed(lambda: _by_hand(naive))
    if found != wanted:
        raise CountsDiffer(f"{slug}: {found} people, but {wanted} by hand")
    times = [_timed(exactly)[0] for _ in range(ROUNDS)]
    estimates = [_timed(lambda: counts.estimate(tree, now=market.NOW)) for _ in range(ROUNDS)]
    return Counted(
        slug=slug,
        people=wanted,
        naive_seconds=naive_time,
        first_ms=first * 1000,
        exact_ms=median(times) * 1000,
        estimate_ms=median(each for each, _ in estimates) * 1000,
        estimate=estimates[0][1],
    )


def _timed(action: Callable[[], _T]) -> tuple[float, _T]:
    started = time.monotonic()
    found = action()
    return time.monotonic() - started, found


def _by_hand(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": market.NOW})
        return int(cursor.fetchone()[0])
