"""Count what became of events: by source, day of arrival and outcome, a statement a batch."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache

from personalization.models import SourceDay

Outcome = SourceDay.Outcome
# Seconds from the event to its arrival: the upper ends of the buckets.
LAGS = (1, 5, 60, 3600, 86400)
MORE = "more"
_DETAIL_LENGTH = 300
# A value that a reason quotes (it may hold quotes itself), the number of a line, how long or how
# many it is: none of them is part of what is counted.
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)
_NUMBERED = re.compile(r"(?<=\[)\d+(?=\])|[\d,]+(?= bytes long)|(?<=holds )\d+(?= entries)")

Key = tuple[date, str, str]
# Event (empty for traits), name, type, whether it is kept.
Property = tuple[str, str, str, bool]


@dataclass(slots=True)
class Tally:
    """Counts of one batch: what came of its events, and which properties they carried."""

    days: Counter[Key] = field(default_factory=Counter)
    properties: Counter[Property] = field(default_factory=Counter)

    def count(self, outcome: str, *, received_at: datetime, detail: str = "") -> None:
        self.days[day_of(received_at), outcome, detail] += 1

    def total(self, outcome: str) -> int:
        return sum(count for (_, kind, _), count in self.days.items() if kind == outcome)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(days=self.days + other.days, properties=self.properties + other.properties)


@lru_cache(maxsize=1024)
def day_of(at: datetime) -> date:
    return at.astimezone(UTC).date()


def lag_bucket(occurred_at: datetime, *, received_at: datetime) -> str:
    """Return the upper end in seconds of the bucket that an event's delay falls into."""
    seconds = (received_at - occurred_at).total_seconds()
    return next((str(end) for end in LAGS if seconds <= end), MORE)


def bare(reason: str) -> str:
    """Return a reason without any value: equal faults of different events count as one."""
    return _NUMBERED.sub("", _QUOTED.sub("…", reason))[:_DETAIL_LENGTH]


def count_faulty(reasons: Sequence[str], *, source_id: int, now: datetime) -> None:
    """Count what went into quarantine without waiting for a worker."""
    counted = Tally()
    for reason in reasons:
        counted.count(Outcome.ACCEPTED, received_at=now)
        counted.count(Outcome.QUARANTINED, received_at=now, detail=bare(reason))
    SourceDay.objects.add(counted.days, source_id=source_id)


def type_name(value: object) -> str:
    """Return the JSON type of a value in plain words."""
    return _TYPE_NAMES.get(type(value), "object")


_TYPE_NAMES: Mapping[type, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "object",
    type(None): "empty",
}
