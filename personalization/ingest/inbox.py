"""The inbox: seal what waits, take what is next, set apart what is faulty."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from django.core.cache import cache
from django.db import connection

from consent import arrays, identity
from personalization.models import Source

PLACE = "personalization_inboxevent.payload"
# Any number that no other advisory lock of ours uses; the second half is the source.
_APPLYING = 4713
_REASON_LENGTH = 300
# Of sealed payloads taken at once, however many may be: opened they take a few times as much.
MOST_BYTES = 16 * 2**20
_PASSED_OVER = "personalization.inbox.passed_over"
_PASSED_OVER_SECONDS = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Locked in the order of their oldest events, and only until one is ours: the filter is asked row
# by row. A source that somebody else applies is passed over.
_NEXT = """
WITH waiting AS MATERIALIZED (
    SELECT source.id
    FROM personalization_source AS source
    CROSS JOIN LATERAL (
        SELECT inbox.id FROM personalization_inboxevent AS inbox
        WHERE inbox.source_id = source.id AND inbox.quarantined_at IS NULL
        ORDER BY inbox.id LIMIT 1
    ) AS oldest
    WHERE source.id <> ALL(%s)
    ORDER BY oldest.id
)
SELECT EXISTS (SELECT 1 FROM waiting),
       (SELECT id FROM waiting WHERE pg_try_advisory_xact_lock(%s, id::integer) LIMIT 1)
"""
# At least one row. Times as numbers: the driver reads texts at its leisure.
_ROWS = """
SELECT id, message_id, payload, received_at, version FROM (
    SELECT id, message_id, payload,
           (extract(epoch FROM received_at) * 1000000)::bigint AS received_at,
           xmin::text::bigint AS version,
           coalesce(sum(octet_length(payload)) OVER (
               ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM personalization_inboxevent
    WHERE source_id = %s AND quarantined_at IS NULL AND id > %s ORDER BY id LIMIT %s
) AS waiting WHERE before < %s ORDER BY id
"""
_VERSIONS = """
SELECT id, xmin::text::bigint FROM personalization_inboxevent
WHERE source_id = %s AND quarantined_at IS NULL ORDER BY id LIMIT %s
"""
_SET_APART = """
UPDATE personalization_inboxevent AS inbox SET quarantined_at = %s, reason = given.reason
FROM unnest(%s::bigint[], %s::text[]) AS given (id, reason) WHERE inbox.id = given.id
"""


@dataclass(slots=True, eq=False)
class Waiting:
    """One row of the inbox."""

    pk: int
    message_id: str
    payload: bytes
    received_at: datetime
    # Who wrote it last: tells a row from what it was.
    version: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """The next rows of one source; none where nothing waits or others are at all of it.

    What `following` returns is held by nobody: it may be gone or changed when its turn comes.
    """

    source: Source | None
    rows: Sequence[Waiting] = ()
    is_busy: bool = False


def seal(plain: bytes, *, message_id: str) -> bytes:
    """Encrypt a payload for its row: nobody's data lies in clear before its owner is known."""
    return identity.seal_for_system(plain, place=PLACE, owner=message_id)


def open_payload(payload: bytes | memoryview, *, message_id: str) -> dict[str, Any]:
    """Return an Incoming as a dict, or a Faulty one, which alone has the key `raw`."""
    plain = identity.open_for_system(payload, place=PLACE, owner=message_id)
    found: dict[str, Any] = orjson.loads(plain)
    return found


def take(*, limit: int, ahead: Taken | None = None) -> Taken:
    """Take the oldest rows of the source that waits longest; hold the source until the commit.

    Fewer than `limit`, where those hold more than a worker should have in mind.

    One worker a source: what was said and who was named earlier is known to what came later.
    Where these are the rows read `ahead`, each as it was, they are those very rows; the source is
    always read anew.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [cache.get(_PASSED_OVER, []), _APPLYING])
        is_waiting, source_id = cursor.fetchone()
        if source_id is None:
            return Taken(source=None, is_busy=is_waiting)
    # A statement of its own: it sees what the last holder of the source committed.
    is_known = ahead is not None and _is_next(ahead, source_id=source_id, limit=limit)
    rows = ahead.rows if ahead and is_known else _rows(source_id, after=0, limit=limit)
    return Taken(source=Source.objects.get(pk=source_id) if rows else None, rows=rows)


def following(taken: Taken, *, limit: int) -> Taken:
    """Return what comes after what was taken of a source."""
    if taken.source is None:
        return taken
    rows = _rows(taken.source.pk, after=taken.rows[-1].pk, limit=limit)
    return Taken(source=taken.source, rows=rows)


def pass_over(source: Source) -> None:
    """Leave a source alone for a minute: a fault of ours in its events may not stop the others."""
    known = cache.get(_PASSED_OVER, [])
    cache.set(_PASSED_OVER, [*known, source.pk], _PASSED_OVER_SECONDS)


def _is_next(ahead: Taken, *, source_id: int, limit: int) -> bool:
    """Say whether just these rows of this source come next, each as it was read."""
    if ahead.source is None or ahead.source.pk != source_id:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [source_id, limit])
        found: list[tuple[int, int]] = cursor.fetchall()
    return found == [(row.pk, row.version) for row in ahead.rows]


def _rows(source_id: int, *, after: int, limit: int) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [source_id, after, limit, MOST_BYTES])
        return [
            Waiting(pk, message_id, payload, _moment(at), version)
            for pk, message_id, payload, at, version in cursor.fetchall()
        ]


@lru_cache(maxsize=1024)
def _moment(microseconds: int) -> datetime:
    """All events of a request came at the same time."""
    return _EPOCH + microseconds * _MICROSECOND


def set_apart(reasons: Mapping[int, str], *, now: datetime) -> None:
    """Quarantine rows that cannot be applied, each with its reason, in one statement."""
    if reasons:
        cut = [reason[:_REASON_LENGTH] for reason in reasons.values()]
        with connection.cursor() as cursor:
            cursor.execute(_SET_APART, [now, list(reasons), cut])


def remove(row_ids: Collection[int]) -> None:
    """Delete what was applied; what is set apart stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM personalization_inboxevent WHERE id = ANY(%s) AND quarantined_at IS NULL",
            [arrays.numbers(row_ids)],
        )
