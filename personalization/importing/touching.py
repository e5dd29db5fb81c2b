"""Note whose segments are to be looked at again for the events just written, and for which."""

from collections.abc import Sequence
from typing import Protocol

from django.db import connection

from personalization.importing import event_days

_TOUCH = """
INSERT INTO personalization_segment_touch
    (profile_id, cause, event_id, event_name, event_at, is_bulk)
SELECT profile_id, 'event', event_id, (%s::text[])[name], at, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::timestamptz[])
    AS given (profile_id, event_id, name, at)
"""


class Named(Protocol):
    """What of an event is noted beside its id, its owner and its time."""

    @property
    def name(self) -> str: ...


def note(rows: Sequence[tuple[int, int, Named, str]], *, is_bulk: bool) -> None:
    """Note the latest event of each name of each person."""
    latest: dict[tuple[int, str], tuple[str, int]] = {}
    for id_, owner, event, at in rows:
        key = (owner, event.name)
        if key not in latest or latest[key][0] < at:
            latest[key] = (at, id_)
    keys = sorted(latest)
    names = {name: number for number, name in enumerate({key[1]: None for key in keys}, start=1)}
    with connection.cursor() as cursor:
        cursor.execute(
            _TOUCH,
            [
                list(names),
                is_bulk,
                event_days.array(key[0] for key in keys),
                event_days.array(latest[key][1] for key in keys),
                event_days.array(names[key[1]] for key in keys),
                event_days.array(latest[key][0] for key in keys),
            ],
        )
