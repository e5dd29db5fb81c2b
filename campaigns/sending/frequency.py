"""Keep the weekly limit per person: one counter row each, taken in one statement per chunk."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

WINDOW = timedelta(days=7)

_RESERVE = """
INSERT INTO campaigns_frequencycounter AS counter (subject_id, window_started_at, count)
SELECT id, %(now)s, 1 FROM unnest(%(ids)s::bigint[]) AS person(id) ORDER BY id
ON CONFLICT (subject_id) DO UPDATE SET
    count = CASE WHEN counter.window_started_at <= %(over)s THEN 1 ELSE counter.count + 1 END,
    window_started_at = CASE WHEN counter.window_started_at <= %(over)s
                             THEN %(now)s ELSE counter.window_started_at END
WHERE counter.window_started_at <= %(over)s OR counter.count < %(limit)s
RETURNING subject_id
"""


def reserve(subject_ids: Sequence[int], *, limit: int, now: datetime) -> set[int]:
    """Take one place of this week for each person; return who still had one.

    Rows are locked in id order, so two workers never wait for each other in a circle.
    """
    if not subject_ids:
        return set()
    parameters = {"ids": sorted(subject_ids), "now": now, "over": now - WINDOW, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, parameters)
        return {row[0] for row in cursor.fetchall()}


def give_back(subject_ids: Sequence[int]) -> None:
    """Free the places of mails that will not be sent after all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_frequencycounter SET count = count - 1"
            " WHERE subject_id = ANY(%s) AND count > 0",
            [list(subject_ids)],
        )
