"""Say whether more events wait than workers will get to soon: then clients have to wait, too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

LOOKED_AT = timedelta(seconds=1)
RETRY_SECONDS = 5

# Ids have gaps, so this is never too small; it reads one index entry from each end.
_AT_MOST = """
SELECT coalesce(max(id) - min(id) + 1, 0) FROM personalization_inboxevent
WHERE quarantined_at IS NULL
"""
_EXACTLY = """
SELECT count(*) FROM (
    SELECT 1 FROM personalization_inboxevent WHERE quarantined_at IS NULL LIMIT %s
) AS waiting
"""


@dataclass(slots=True)
class _Looked:
    is_full: bool
    until: datetime | None = None


_looked = _Looked(is_full=False)


def is_full(*, now: datetime) -> bool:
    """Say whether the inbox is over its limit; looked at once a second in each process."""
    if _looked.until is None or not now < _looked.until <= now + LOOKED_AT:
        _looked.until = now + LOOKED_AT
        _looked.is_full = waits_more_than(settings.ATTUNE_INBOX_LIMIT)
    return _looked.is_full


def waits_more_than(limit: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_AT_MOST)
        if cursor.fetchone()[0] <= limit:
            return False
        cursor.execute(_EXACTLY, [limit + 1])
        count: int = cursor.fetchone()[0]
    return count > limit


def look_again() -> None:
    """Ask the database at the next question."""
    _looked.until = None
