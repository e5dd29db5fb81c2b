"""Note whose segments are to be looked at again for the events just written, and for which."""

from django.db import connection

from consent import arrays
from personalization.importing.event_days import Latest

_TOUCH = """
INSERT INTO personalization_segment_touch
    (profile_id, cause, event_id, event_name, event_at, is_bulk)
SELECT profile_id, 'event', event_id, (%s::text[])[name],
       timestamptz 'epoch' + at * interval '1 microsecond', %s
FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::bigint[])
    AS given (profile_id, event_id, name, at)
"""


def note(latest: Latest, *, is_bulk: bool) -> None:
    """Note the latest event of each name of each person."""
    columns = (latest.owners, latest.ids, latest.codes, latest.at)
    with connection.cursor() as cursor:
        written = [arrays.numbers(each.tolist()) for each in columns]
        cursor.execute(_TOUCH, [latest.names, is_bulk, *written])
