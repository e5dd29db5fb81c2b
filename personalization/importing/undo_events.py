"""Undo an import of events: they go with their lines, keys and counts; state is told anew."""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from consent.jobs import Progress
from personalization.commerce import state
from personalization.importing import afterwards
from personalization.importing.imported import Figures
from personalization.models import Event, ImportRun, ProfileDue

BATCH_ROWS = 5000
_MONTHS = """
SELECT DISTINCT date_trunc('month', occurred_at, 'UTC') FROM personalization_event
WHERE import_id = %s ORDER BY 1
"""
_DELETE = """
DELETE FROM personalization_event
WHERE occurred_at >= %(month)s AND occurred_at < %(month)s + interval '1 month' AND id IN (
    SELECT id FROM personalization_event
    WHERE import_id = %(run)s AND occurred_at >= %(month)s
      AND occurred_at < %(month)s + interval '1 month'
    LIMIT %(limit)s
)
RETURNING id, profile_id, name, (occurred_at AT TIME ZONE 'UTC')::date, coalesce(amount, 0)
"""
_DELETE_ITEMS = """
DELETE FROM personalization_eventitem
WHERE event_id = ANY(%(ids)s) AND occurred_at >= %(month)s
  AND occurred_at < %(month)s + interval '1 month'
"""
# In one order for everybody, so that two workers cannot wait for each other.
_HOLD_DAYS = """
SELECT 1 FROM personalization_event_daily
WHERE (profile_id, name, day) IN (SELECT * FROM unnest(%s::bigint[], %s::text[], %s::date[]))
ORDER BY profile_id, name, day FOR UPDATE
"""
_COUNT_DOWN = """
UPDATE personalization_event_daily AS known
SET count = known.count - gone.count, total = known.total - gone.total
FROM (
    SELECT profile_id, name, day, count(*) AS count, sum(amount) AS total
    FROM unnest(%s::bigint[], %s::text[], %s::date[], %s::numeric[])
        AS gone (profile_id, name, day, amount)
    GROUP BY profile_id, name, day
) AS gone
WHERE known.profile_id = gone.profile_id AND known.name = gone.name AND known.day = gone.day
"""
_FORGET_DAYS = """
DELETE FROM personalization_event_daily
WHERE count <= 0
  AND (profile_id, name, day) IN (SELECT * FROM unnest(%s::bigint[], %s::text[], %s::date[]))
"""
_DELETE_KEYS = """
DELETE FROM personalization_event_key WHERE (source_id, message_id) IN (
    SELECT source_id, message_id FROM personalization_event_key
    WHERE source_id = %s AND seen_at = %s LIMIT %s
)
"""


def undo(run: ImportRun, *, progress: Progress, now: datetime) -> Figures:
    """Delete what the import brought, a month at a time; its message ids may come again."""
    progress.expect(progress.job.done + Event.objects.filter(import_id=run.pk).count())
    removed = int(str(progress.job.result.get("removed", 0)))
    for month in _rows(_MONTHS, [run.pk]):
        while count := _undo_batch(run, month=month[0], now=now):
            removed += count
            progress.result(removed=removed)
            progress.advance(count)
    _forget_keys(run)
    return {"removed": removed}


@transaction.atomic
def _undo_batch(run: ImportRun, *, month: datetime, now: datetime) -> int:
    rows = _rows(_DELETE, {"run": run.pk, "month": month, "limit": BATCH_ROWS})
    if not rows:
        return 0
    ids, people, names, days, amounts = (list(column) for column in zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_DELETE_ITEMS, {"ids": ids, "month": month})
        cursor.execute(_HOLD_DAYS, [people, names, days])
        cursor.execute(_COUNT_DOWN, [people, names, days, amounts])
        cursor.execute(_FORGET_DAYS, [people, names, days])
    state.refresh({*people}, now=now)
    afterwards.make_due(sorted({*people}), work=ProfileDue.Work.TRAITS)
    return len(rows)


def _forget_keys(run: ImportRun) -> None:
    gone = 1
    while gone:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE_KEYS, [run.source_id, run.began_at, BATCH_ROWS])
            gone = cursor.rowcount


def _rows(sql: str, parameters: list[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
