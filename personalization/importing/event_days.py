"""Count a batch of events by person, name and day; find each person's first and latest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from consent import arrays
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


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest event of each name of each person, in that order.

    A name is its place in `names`, from 1; moments are microseconds since 1970, in UTC.
    """

    names: list[str]
    owners: Integers
    codes: Integers
    ids: Integers
    at: Integers


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
    latest: Latest


def count(
    events: Sequence[EventRow],
    *,
    owners: Sequence[int],
    ids: Sequence[int],
) -> Days:
    """Count in arrays: a batch has nearly as many days as events, too many for a loop."""
    names = sorted({event.name for event in events})
    place = {name: number for number, name in enumerate(names, start=1)}
    # Without its zone: numpy knows none, and reads text faster than it takes moments apart.
    moments = np.array([event.at.removesuffix("+00:00") for event in events], "M8[us]")
    owner = np.array(owners, np.int64)
    code = np.array([place[event.name] for event in events], np.int64)
    at = moments.astype(np.int64)
    cents = np.array([int(event.amount * 100) if event.amount else 0 for event in events], np.int64)

    order = np.lexsort((at, code, owner))
    owner, code, at, cents = owner[order], code[order], at[order], cents[order]
    day = moments.astype("M8[D]").astype(np.int64)[order]
    days, people = starts(owner, code, day), starts(owner)
    ends = np.append(starts(owner, code)[1:], len(order)) - 1
    known = np.array(ids, np.int64)[order]
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
        latest=Latest(names, owner[ends], code[ends], known[ends], at[ends]),
    )


def written(days: Days) -> list[str | list[str]]:
    """Return the counts as `add` wants them."""
    columns = (days.owners, days.codes, days.days, days.counts, days.cents)
    return [days.names, *(arrays.numbers(each.tolist()) for each in columns)]


def add(counts: list[str | list[str]]) -> None:
    """Add the counts to those of the days."""
    with connection.cursor() as cursor:
        cursor.execute(_DAILY, counts)


def starts(*sorted_columns: Integers) -> Integers:
    """Return where a new combination begins in columns that are sorted by it."""
    changes = [column[1:] != column[:-1] for column in sorted_columns]
    return np.flatnonzero(np.concatenate(([True], np.logical_or.reduce(changes))))


def execute(statement: str, *columns: Any) -> None:
    written = [arrays.numbers(each.tolist()) for each in columns]
    with connection.cursor() as cursor:
        cursor.execute(statement, written)
