"""Keep the weekly limit per person: one counter row each, taken in one statement per chunk."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from campaigns.models import FrequencyCounter

WINDOW = timedelta(days=7)

# Place and note of it in one statement: a worker that dies right here takes no second place.
_RESERVE = """
WITH taken AS (
    INSERT INTO campaigns_frequencycounter AS counter (subject_id, window_started_at, count)
    SELECT id, %(now)s, 1 FROM unnest(%(subjects)s::bigint[]) AS person(id) ORDER BY id
    ON CONFLICT (subject_id) DO UPDATE SET
        count = CASE WHEN counter.window_started_at <= %(over)s THEN 1 ELSE counter.count + 1 END,
        window_started_at = CASE WHEN counter.window_started_at <= %(over)s
                                 THEN %(now)s ELSE counter.window_started_at END
    WHERE counter.window_started_at <= %(over)s OR counter.count < %(limit)s
    RETURNING subject_id
)
UPDATE campaigns_send AS send SET is_counted = true FROM taken
WHERE send.id = ANY(%(sends)s) AND send.subject_id = taken.subject_id
RETURNING send.id
"""
_GIVE_BACK = """
WITH freed AS (
    UPDATE campaigns_send SET is_counted = false
    WHERE id = ANY(%(sends)s) AND lease_token = %(token)s AND is_counted RETURNING subject_id
), places AS (
    SELECT counter.subject_id FROM campaigns_frequencycounter counter JOIN freed USING (subject_id)
    ORDER BY counter.subject_id FOR UPDATE OF counter
)
UPDATE campaigns_frequencycounter AS counter SET count = count - 1 FROM places
WHERE counter.subject_id = places.subject_id AND counter.count > 0
"""


def reserve(subjects: Mapping[int, int], *, limit: int, now: datetime) -> set[int]:
    """Take one place of the week for each send (id -> a subject of its own); say who got one.

    Rows are locked in id order, so two workers never wait for each other in a circle.
    """
    if not subjects:
        return set()
    parameters: dict[str, list[int] | datetime | int] = {
        "sends": list(subjects),
        "subjects": sorted(subjects.values()),
        "now": now,
        "over": now - WINDOW,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, parameters)
        return {row[0] for row in cursor.fetchall()}


def free_again(subject_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each person's running week ends."""
    counters = FrequencyCounter.objects.filter(subject__in=subject_ids)
    starts = counters.values_list("subject_id", "window_started_at")
    return {subject_id: start + WINDOW for subject_id, start in starts}


def give_back(send_ids: Sequence[int], *, token: uuid.UUID) -> None:
    """Free the places of mails that will not be sent after all."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, {"sends": list(send_ids), "token": token})
