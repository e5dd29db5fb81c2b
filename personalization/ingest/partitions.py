"""Keep the monthly partitions of the event tables ready before events need them."""

from datetime import datetime, timedelta

from django.db import connection

AHEAD = timedelta(days=62)


def ensure(first: datetime, last: datetime) -> int:
    """Make the months of a span; return how many tables were new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT attune_add_months(%s, %s)", [first.date(), last.date()])
        made: int = cursor.fetchone()[0]
    return made


def ensure_ahead(*, now: datetime) -> int:
    """Make this month and the next two."""
    return ensure(now, now + AHEAD)
