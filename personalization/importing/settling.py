"""After an import: fold the carts and orders of the people it touched, a part at a time."""

from datetime import datetime

from django.db import connection, transaction

from personalization.commerce import state
from personalization.models import ProfileDue

PART = 1000

_TAKE = """
WITH part AS MATERIALIZED (
    SELECT work, profile_id FROM personalization_profile_due WHERE work = %s
    ORDER BY profile_id LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM personalization_profile_due AS due USING part
WHERE (due.work, due.profile_id) = (part.work, part.profile_id) RETURNING due.profile_id
"""
# As applying does: nobody adds an event between reading the story and writing its end.
_HOLD = """
SELECT 1 FROM consent_datasubject WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""


def settle(*, now: datetime) -> int:
    """Fold until nobody waits any more; return for how many people. What a killed import left
    waits in the table for the next one, or for the hourly task."""
    total = 0
    while done := _settle_part(now=now):
        total += done
    return total


@transaction.atomic
def _settle_part(*, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [ProfileDue.Work.COMMERCE, PART])
        ids = sorted(row[0] for row in cursor.fetchall())
        cursor.execute(_HOLD, [ids])
    state.refresh(ids, now=now)
    return len(ids)
