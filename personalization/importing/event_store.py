"""Write a batch of events: keys, events, their lines, day counts and who was seen when."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import psycopg
from django.db import connection, transaction

from consent import arrays
from personalization.importing import afterwards, event_days, event_parcels
from personalization.importing.ahead import finish
from personalization.importing.event_days import Days
from personalization.importing.event_parcels import Origin, Parcel
from personalization.importing.event_rows import EventRow
from personalization.models import Source

# Most batches are all new, and then there is nothing to tell.
_CLAIM = """
WITH fresh AS (
    INSERT INTO personalization_event_key (source_id, message_id, seen_at)
    SELECT %s, message_id, %s FROM unnest(%s::text[]) AS message_id
    ON CONFLICT DO NOTHING RETURNING message_id
)
SELECT CASE WHEN count(*) < %s THEN array_agg(message_id) END, count(*) FROM fresh
"""
# Where nobody else took numbers in between they are a range.
_IDS = """
WITH sequence AS MATERIALIZED (
    SELECT pg_get_serial_sequence('personalization_event', 'id')::regclass AS name
), taken AS MATERIALIZED (
    SELECT nextval(sequence.name) AS id FROM sequence, generate_series(1, %s)
)
SELECT min(id), max(id), CASE WHEN max(id) - min(id) >= count(*) THEN array_agg(id) END FROM taken
"""
_COPY_KEYS = "COPY personalization_event_key (source_id, message_id, seen_at) FROM STDIN"
_COPY_EVENTS = """
COPY personalization_event
    (id, source_id, name, profile_id, origin_profile_id, occurred_at, received_at, amount,
     currency, properties, context, import_id, is_generated, is_machine) FROM STDIN
"""
_COPY_ITEMS = """
COPY personalization_eventitem
    (event_id, line, occurred_at, profile_id, name, product_id, quantity, price) FROM STDIN
"""


def commit_lazily() -> None:
    """Let this batch's commit not wait for the disk.

    The job's own next commit waits for everything before it, so what a job reports as done is on
    disk; after a crash the last batches are missing whole, keys included, and come in again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def claim(message_ids: Sequence[str], *, source: Source, now: datetime) -> list[bool]:
    """Say for each message id whether it is new for this source, and take the new ones.

    Of an id that stands twice in a batch the first is new.
    """
    asked = sorted(set(message_ids))
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [source.pk, now, arrays.texts(asked), len(message_ids)])
        new, count = cursor.fetchone()
    if count == len(message_ids):
        return [True] * count
    fresh = set(new or ())
    found = []
    for each in message_ids:
        found.append(each in fresh)
        fresh.discard(each)
    return found


def claim_all(keys: bytes) -> bool:
    """Take message ids by COPY; where one of them is no longer new none is taken."""
    try:
        with transaction.atomic():
            _copy(_COPY_KEYS, keys)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def write(
    events: Sequence[EventRow],
    *,
    owners: Sequence[int],
    source: Source,
    products: Mapping[str, int],
    now: datetime,
    origins: Sequence[int] = (),
) -> None:
    """Write events that came singly, `owners` being the subject of each, `origins` who they were
    before a merge."""
    if events:
        steps = event_parcels.compose(
            events,
            owners=owners,
            origins=origins,
            ids=new_ids(len(events)),
            products=products,
            origin=Origin(source, now),
        )
        store(finish(steps))


def store(parcel: Parcel, *, note: Callable[[Days], None] = afterwards.note) -> int:
    """Write a parcel; `note` is told what follows from it.

    Return how many lines were left out for want of their product.
    """
    _copy(_COPY_EVENTS, parcel.events)
    written = _copy(_COPY_ITEMS, parcel.items) if parcel.items else 0
    event_days.add(parcel.daily)
    note(parcel.days)
    return parcel.wanted - written


def new_ids(count: int) -> Sequence[int]:
    """Take so many numbers of events; what is not used is left out."""
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [count])
        first, last, scattered = cursor.fetchone()
    return scattered or range(first, last + 1)


def _copy(statement: str, lines: bytes) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(lines)
        return int(cursor.rowcount)
