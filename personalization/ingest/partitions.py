"""Keep the monthly partitions of the event tables ready before events need them."""

from datetime import UTC, datetime, timedelta

from django.db import connection

AHEAD = timedelta(days=62)


_MISSING = """
SELECT bool_or(to_regclass(parent || to_char(month, '"_"YYYYMM')) IS NULL)
FROM generate_series(date_trunc('month', %s::date), %s::date, interval '1 month') AS month,
     unnest(ARRAY['personalization_event', 'personalization_eventitem']) AS parent
"""


def ensure(first: datetime, last: datetime) -> int:
    """Make the months of a span; return how many tables were new.

    Making one locks until the commit, so that two workers do not make it both; where nothing is
    missing nobody waits for anybody.
    """
    span = [first.astimezone(UTC).date(), last.astimezone(UTC).date()]
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, span)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("SELECT attune_add_months(%s, %s)", span)
        made: int = cursor.fetchone()[0]
    return made


def ensure_ahead(*, now: datetime) -> int:
    """Make this month and the next two."""
    return ensure(now, now + AHEAD)
