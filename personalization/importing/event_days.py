"""Count a batch of events by person, name and day, and note who was seen first and last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from personalization.importing.event_rows import EventRow

Integers = NDArray[np.int64]

_DAILY = """
INSERT INTO personalization_event_daily AS known (profile_id, name, day, count, total)
SELECT profile_id, (%s::text[])[name], date '1970-01-01' + day, count, cents * 0.01
FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[])
    AS given (profile_id, name, day, count, cents)
ON CONFLICT (profile_id, name, day) DO UPDATE
SET count = known.count + EXCLUDED.count, total = known.total + EXCLUDED.total
"""
_SEEN = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT subject_id, '{}', '{}', timestamptz 'epoch' + first_at * interval '1 microsecond',
       timestamptz 'epoch' + last_at * interval '1 microsecond'
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
    AS given (subject_id, first_at, last_at)
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
WHERE known.first_seen_at > EXCLUDED.first_seen_at OR known.last_seen_at < EXCLUDED.last_seen_at
"""
_SEEN_OF_IMPORT = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT profile_id, '{}', '{}', min(occurred_at), max(occurred_at)
FROM personalization_event WHERE import_id = %s GROUP BY profile_id ORDER BY profile_id
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
WHERE known.first_seen_at > EXCLUDED.first_seen_at OR known.last_seen_at < EXCLUDED.last_seen_at
"""
# Above this the memory is written down and emptied, so it does not grow with the file.
KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Days:
    """A batch by person, name and day, in that order: two imports cannot wait for each other.

    A name is its place in `names`, from 1; days and moments count from 1970, in UTC.
    """

    names: list[str]
    owners: Integers
    codes: Integers
    days: Integers
    counts: Integers
    cents: Integers
    people: Integers
    first: Integers
    last: Integers


def count(events: Sequence[EventRow], *, owners: Sequence[int], times: Sequence[str]) -> Days:
    """Count in arrays: a batch has nearly as many days as events, too many for a loop.

    `times` are those of the events in UTC, as ISO 8601 text.
    """
    names = sorted({event.name for event in events})
    place = {name: number for number, name in enumerate(names, start=1)}
    # Without its zone: numpy knows none, and reads text faster than it takes moments apart.
    moments = np.array([time.removesuffix("+00:00") for time in times], "M8[us]")
    owner = np.array(owners, np.int64)
    code = np.array([place[event.name] for event in events], np.int64)
    day = moments.astype("M8[D]").astype(np.int64)
    cents = np.array([int(event.amount * 100) if event.amount else 0 for event in events], np.int64)

    order = np.lexsort((day, code, owner))
    owner, code, day, cents = owner[order], code[order], day[order], cents[order]
    at = moments.astype(np.int64)[order]
    days, people = _starts(owner, code, day), _starts(owner)
    return Days(
        names=names,
        owners=owner[days],
        codes=code[days],
        days=day[days],
        counts=np.diff(np.append(days, len(order))),
        cents=np.add.reduceat(cents, days),
        people=owner[people],
        first=np.minimum.reduceat(at, people),
        last=np.maximum.reduceat(at, people),
    )


def add(days: Days) -> None:
    """Add the counts to those of the days."""
    columns = (days.owners, days.codes, days.days, days.counts, days.cents)
    _execute(_DAILY, days.names, *columns)


def note_seen(days: Days) -> None:
    """Widen the time between which each person was seen; who has no profile gets one."""
    _execute(_SEEN, days.people, days.first, days.last)


def note_seen_of_import(import_id: int) -> None:
    """Do it for everybody an import brought events of: it died before it could."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN_OF_IMPORT, [import_id])


class SeenLater:
    """Notes each person of a long import twice: when first met, for the profile, and at the end.

    With every batch it would be the dearest part of it, as each time moves in an index.
    """

    def __init__(self) -> None:
        self._spans: dict[int, tuple[int, int]] = {}
        self._wider: set[int] = set()

    def note(self, days: Days) -> None:
        """Write down whom this import meets for the first time, remember the others."""
        if len(self._spans) > KEPT:
            self.write()
            self._spans.clear()
        columns = (days.people.tolist(), days.first.tolist(), days.last.tolist())
        met = []
        for person, first, last in zip(*columns, strict=True):
            known = self._spans.get(person)
            if known is None:
                self._spans[person] = (first, last)
                met.append(person)
            elif first < known[0] or last > known[1]:
                self._spans[person] = (min(first, known[0]), max(last, known[1]))
                self._wider.add(person)
        self._write(met)

    def write(self) -> None:
        """Write down what is only remembered so far."""
        self._write(sorted(self._wider))
        self._wider.clear()

    def _write(self, people: list[int]) -> None:
        if people:
            spans = np.array([self._spans[each] for each in people], np.int64)
            _execute(_SEEN, np.array(people, np.int64), spans[:, 0], spans[:, 1])


def array(plain: Iterable[object]) -> str:
    """Write numbers and times as an array: the driver would look at each of thousands alone."""
    return "{" + ",".join(map(str, plain)) + "}"


def _starts(*sorted_columns: Integers) -> Integers:
    """Return where a new combination begins in columns that are sorted by it."""
    changes = [column[1:] != column[:-1] for column in sorted_columns]
    return np.flatnonzero(np.concatenate(([True], np.logical_or.reduce(changes))))


def _execute(statement: str, *columns: Any) -> None:
    written = [each if isinstance(each, list) else array(each.tolist()) for each in columns]
    with connection.cursor() as cursor:
        cursor.execute(statement, written)
