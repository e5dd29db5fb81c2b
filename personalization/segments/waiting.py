"""The queue of people to look at again: who changed, who is due, who is due because a condition
is new."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from personalization.models import SegmentTouch
from personalization.segments.reasons import Cause, Touched

# The largest number a person can have.
_EVERYBODY = 2**63 - 1

_TAKE = """
DELETE FROM personalization_segment_touch WHERE id IN (
    SELECT id FROM personalization_segment_touch WHERE profile_id IS NOT NULL AND is_bulk = %s
    ORDER BY is_bulk, id LIMIT %s
)
RETURNING profile_id, cause, event_id, event_name, event_at
"""
# By the index, which knows of rows that are gone and not yet cleared away.
_ANYBODY = """
SELECT EXISTS (SELECT 1 FROM (
    SELECT id FROM personalization_segment_touch ORDER BY is_bulk, id LIMIT 1
) AS next)
"""
_DUE = """
SELECT profile_id FROM personalization_segment_recheck WHERE due_at <= %s
ORDER BY due_at LIMIT %s
"""
_DUE_OF = """
SELECT profile_id, due_at FROM personalization_segment_recheck WHERE profile_id = ANY(%s)
"""
_SET = """
INSERT INTO personalization_segment_recheck (profile_id, due_at)
SELECT profile_id, due_at FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (profile_id, due_at)
ON CONFLICT (profile_id) DO UPDATE SET due_at = EXCLUDED.due_at
"""
_UNSET = "DELETE FROM personalization_segment_recheck WHERE profile_id = ANY(%s)"
_PRODUCTS = """
DELETE FROM personalization_segment_touch WHERE product_id IS NOT NULL RETURNING product_id
"""
_BUYERS = """
INSERT INTO personalization_segment_touch (profile_id, cause, is_bulk)
SELECT DISTINCT profile_id, 'product', true FROM personalization_eventitem
WHERE product_id = ANY(%s) AND name = ANY(%s)
"""
_WAITING = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM personalization_segment_touch LIMIT 100001) AS counted),
       (SELECT min(at) FROM (SELECT at FROM personalization_segment_touch
                             ORDER BY is_bulk, id LIMIT 1) AS oldest),
       (SELECT min(due_at) FROM personalization_segment_recheck)
"""
# Each is looked up: the people of a part are few, whatever there are of events.
_NOTE = """
WITH part AS MATERIALIZED (
    SELECT p.subject_id, p.attributes, p.traits FROM personalization_customerprofile p
    WHERE p.subject_id > %s AND p.subject_id <= %s ORDER BY p.subject_id LIMIT %s
), noted AS (
    INSERT INTO personalization_segment_touch (profile_id, cause, is_bulk)
    SELECT p.subject_id, 'definition', true FROM part p WHERE {wanted}
)
SELECT max(subject_id), count(*) FROM part
"""
_WITH_EVENT = """
EXISTS (SELECT 1 FROM personalization_event e WHERE e.profile_id = p.subject_id AND e.name = %s
        AND e.occurred_at > %s)
"""
_WITH_LAPSE = """
EXISTS (SELECT 1 FROM consent_consentstate s WHERE s.subject_id = p.subject_id AND s.is_granted
        AND s.expires_at > %s AND s.purpose_id = ANY(%s))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """People to look at, each with what happened; `is_all` if nobody else waits or is due."""

    people: Mapping[int, Sequence[Touched]]
    is_all: bool


@dataclass(frozen=True, slots=True)
class Movable:
    """Whom time may move: those with one of these events since a moment, with one of these dates,
    or with a consent for one of these purposes that will run out."""

    events: Mapping[str, datetime]
    dates: Collection[str]
    purposes: Collection[str]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many changes wait (at most 100,001 are counted) and since when; the next due moment."""

    count: int
    since: datetime | None
    next_due: datetime | None


def take(*, limit: int, now: datetime) -> Work:
    """Take changes first, then who is due, then who only waits for a new condition."""
    people: dict[int, list[Touched]] = defaultdict(list)
    steps = (partial(_touched, is_bulk=False), partial(_due, now=now),
             partial(_touched, is_bulk=True))  # fmt: skip
    for step in steps:
        room = limit - len(people)
        found = step(limit=room) if room > 0 else []
        for pk, touched in found:
            people[pk].append(touched)
        if len(found) >= room:
            return Work(people=people, is_all=False)
    return Work(people=people, is_all=True)


def forget() -> int:
    """Forget everybody who is noted, where all of them are counted anew for all segments."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM personalization_segment_touch")
        return int(cursor.rowcount)


def is_anybody() -> bool:
    """Say whether anybody is noted who changed."""
    ((found,),) = _rows(_ANYBODY, [])
    return bool(found)


def due(profile_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each of these people is to be looked at again; who is not in it: never."""
    return dict(_rows(_DUE_OF, [list(profile_ids)]))


def schedule(moments: Mapping[int, datetime | None], *, known: Mapping[int, datetime]) -> None:
    """Note when to look at each of these people again, where that is not known; None is never."""
    due = {pk: at for pk, at in sorted(moments.items()) if at is not None and known.get(pk) != at}
    never = sorted(pk for pk, at in moments.items() if at is None and pk in known)
    with connection.cursor() as cursor:
        if due:
            cursor.execute(_SET, [list(due), list(due.values())])
        if never:
            cursor.execute(_UNSET, [never])


def spread_products(*, events: Collection[str]) -> int:
    """Note who had to do with a product that changed, by events whose products are asked for."""
    products = [pk for (pk,) in _rows(_PRODUCTS, [])]
    if not products or not events:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_BUYERS, [products, sorted(events)])
        return int(cursor.rowcount)


def note_timed(
    movable: Movable, *, after: int, until: int | None, limit: int, now: datetime
) -> int | None:
    """Of the next people note all whom the passing of time alone may move.

    Return who was the last of them, `until` (None: nobody) where none is left up to there.
    """
    ways = [(_WITH_EVENT, [name, since]) for name, since in sorted(movable.events.items())]
    ways += [_with_value(path) for path in sorted(movable.dates)]
    if movable.purposes:
        ways.append((_WITH_LAPSE, [now, sorted(movable.purposes)]))
    if not ways:
        return until
    wanted = " OR ".join(sql for sql, _ in ways)
    parameters: list[Any] = [parameter for _, given in ways for parameter in given]
    span = [after, _EVERYBODY if until is None else until]
    ((last, count),) = _rows(_NOTE.format(wanted=wanted), [*span, limit, *parameters])
    return int(last) if count == limit else until


def backlog() -> Backlog:
    ((count, since, next_due),) = _rows(_WAITING, [])
    return Backlog(count=count, since=since, next_due=next_due)


def touch(profile_ids: Collection[int], *, cause: str) -> None:
    """Note people by hand, as who puts them on a list does."""
    SegmentTouch.objects.bulk_create(
        SegmentTouch(profile_id=pk, cause=cause) for pk in sorted(profile_ids)
    )


def _with_value(path: str) -> tuple[str, list[Any]]:
    document, _, name = path.partition(".")
    column = {"attributes": "p.attributes", "traits": "p.traits"}[document]
    return f"jsonb_exists({column}, %s)", [name]


def _touched(*, is_bulk: bool, limit: int) -> list[tuple[int, Touched]]:
    rows = _rows(_TAKE, [is_bulk, limit])
    return [(pk, Touched(*told)) for pk, *told in rows]


def _due(*, limit: int, now: datetime) -> list[tuple[int, Touched]]:
    return [(pk, Touched(Cause.TIME)) for (pk,) in _rows(_DUE, [now, limit])]


def _rows(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
