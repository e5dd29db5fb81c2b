"""Have the people a transaction touches looked at after those who changed one by one.

The triggers that note whose segments are to be looked at again (migration 0023) read this mark:
a file or a full run of traits must not stand before the click of a minute ago.
"""

from django.db import connection


def mark() -> None:
    """Mark the running transaction; the mark ends with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('attune.is_bulk', 'on', true)")
