"""What came of a source's events, day by day, from the counts the workers keep."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import inf

from personalization.models import SourceDay

Outcome = SourceDay.Outcome
# What becomes of an accepted event; a reader sees these stacked.
ENDS = (Outcome.STORED, Outcome.REPEATED, Outcome.REFUSED, Outcome.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Day:
    """Events by what became of them; `accepted` may be more while some still wait."""

    day: date
    accepted: int = 0
    stored: int = 0
    repeated: int = 0
    refused: int = 0
    quarantined: int = 0

    @property
    def arrived(self) -> int:
        ended = self.stored + self.repeated + self.refused + self.quarantined
        return max(self.accepted, ended)


@dataclass(frozen=True, slots=True)
class Lag:
    """How many events were at most so many seconds late; the last bucket has no end."""

    upto_seconds: float
    count: int


@dataclass(frozen=True, slots=True)
class Tally:
    """A source over a span; the days are complete, empty ones too, the oldest first."""

    days: list[Day] = field(default_factory=list)
    # By the purpose that was not granted, and by the reason.
    refused: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    lags: list[Lag] = field(default_factory=list)

    def total(self, outcome: str) -> int:
        return sum(getattr(day, outcome) for day in self.days)

    @property
    def arrived(self) -> int:
        return sum(day.arrived for day in self.days)

    def lag_of(self, share: float) -> float | None:
        """Return within how many seconds this share of the events arrived; infinity past all."""
        wanted = share * sum(lag.count for lag in self.lags)
        running = 0
        for lag in self.lags:
            running += lag.count
            if running >= wanted:
                return lag.upto_seconds
        return None


def of(source_ids: Iterable[int], *, days: int, now: datetime) -> dict[int, Tally]:
    """Count the last `days` days of sources, today among them; one query for all of them."""
    ids = list(source_ids)
    today = now.date()
    span = [today - timedelta(days=back) for back in reversed(range(days))]
    found = SourceDay.objects.filter(source__in=ids, day__gte=span[0], day__lte=today)
    rows: dict[int, list[SourceDay]] = defaultdict(list)
    for row in found.order_by():
        rows[row.source_id].append(row)
    return {source_id: _tally(rows[source_id], span=span) for source_id in ids}


def _tally(rows: Iterable[SourceDay], *, span: Iterable[date]) -> Tally:
    by_day: dict[date, Counter[str]] = defaultdict(Counter)
    details: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.outcome != Outcome.LAG:
            by_day[row.day][row.outcome] += row.count
        details[row.outcome][row.detail] += row.count
    lags = [Lag(_seconds(detail), count) for detail, count in details[Outcome.LAG].items()]
    return Tally(
        days=[_day(day, counts=by_day[day]) for day in span],
        refused=dict(details[Outcome.REFUSED].most_common()),
        quarantined=dict(details[Outcome.QUARANTINED].most_common()),
        lags=sorted(lags, key=lambda lag: lag.upto_seconds),
    )


def _day(day: date, *, counts: Mapping[str, int]) -> Day:
    return Day(
        day,
        accepted=counts.get(Outcome.ACCEPTED, 0),
        stored=counts.get(Outcome.STORED, 0),
        repeated=counts.get(Outcome.REPEATED, 0),
        refused=counts.get(Outcome.REFUSED, 0),
        quarantined=counts.get(Outcome.QUARANTINED, 0),
    )


def _seconds(detail: str) -> float:
    """Read the upper end of a bucket; the bucket without an end is named by no number."""
    try:
        return float(detail)
    except ValueError:
        return inf
