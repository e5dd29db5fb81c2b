"""Write a batch of events: keys, events, their lines, day counts and who was seen when."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import connection

from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.outcome import batches
from personalization.models import Source

# Every write waits for the socket: few of them, yet the server works while the next is made.
PART = 200
NULL = r"\N"

_CLAIM = """
INSERT INTO personalization_event_key (source_id, message_id, seen_at)
SELECT %s, message_id, %s FROM unnest(%s::text[]) AS message_id
ON CONFLICT DO NOTHING RETURNING message_id
"""
_IDS = """
WITH sequence AS MATERIALIZED (
    SELECT pg_get_serial_sequence('personalization_event', 'id')::regclass AS name
)
SELECT nextval(sequence.name) FROM sequence, generate_series(1, %s)
"""
_COPY_EVENTS = """
COPY personalization_event
    (id, source_id, name, profile_id, origin_profile_id, occurred_at, received_at, amount,
     currency, properties, is_generated, is_machine) FROM STDIN
"""
_COPY_ITEMS = """
COPY personalization_eventitem
    (event_id, line, occurred_at, profile_id, name, product_id, quantity, price) FROM STDIN
"""
_DAILY = """
INSERT INTO personalization_event_daily AS known (profile_id, name, day, count, total)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::date[], %s::integer[], %s::numeric[])
ON CONFLICT (profile_id, name, day) DO UPDATE
SET count = known.count + EXCLUDED.count, total = known.total + EXCLUDED.total
"""
_SEEN = """
INSERT INTO personalization_customerprofile AS known
    (subject_id, attributes, traits, first_seen_at, last_seen_at)
SELECT subject_id, '{}', '{}', first_at, last_at
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS given (subject_id, first_at, last_at)
ON CONFLICT (subject_id) DO UPDATE
SET first_seen_at = LEAST(known.first_seen_at, EXCLUDED.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, EXCLUDED.last_seen_at)
WHERE known.first_seen_at > EXCLUDED.first_seen_at OR known.last_seen_at < EXCLUDED.last_seen_at
"""


_NOTHING = (0, Decimal())


def commit_lazily() -> None:
    """Let this batch's commit not wait for the disk.

    The job's own next commit waits for everything before it, so what a job reports as done is on
    disk; after a crash the last batches are missing whole, keys included, and come in again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def claim(events: list[EventRow], *, source: Source, now: datetime) -> list[EventRow]:
    """Return the events whose message id is new for this source, and take these ids."""
    first = {event.message_id: event for event in reversed(events)}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [source.pk, now, sorted(first)])
        fresh = {row[0] for row in cursor.fetchall()}
    return [
        event for event in events if event.message_id in fresh and first[event.message_id] is event
    ]


def write(
    events: list[EventRow],
    *,
    source: Source,
    people: People,
    catalogue: Catalogue,
    now: datetime,
) -> int:
    """Write the batch; return how many lines were left out for want of their product."""
    if not events:
        return 0
    products = catalogue.ids
    numbered = list(zip(_new_ids(len(events)), events, strict=True))
    _copy(_COPY_EVENTS, _event_lines(numbered, source=source, people=people, now=now))
    written = _copy(_COPY_ITEMS, _item_lines(numbered, people=people, products=products))
    _add_days(events, people=people)
    _note_seen(events, people=people)
    return sum(len(event.lines) for event in events) - written


def _new_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [count])
        return [row[0] for row in cursor.fetchall()]


def _copy(statement: str, lines: Iterator[str]) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for part in batches(lines, size=PART):
                copy.write("".join(part))
        return int(cursor.rowcount)


def _event_lines(
    numbered: list[tuple[int, EventRow]], *, source: Source, people: People, now: datetime
) -> Iterator[str]:
    received = now.isoformat()
    for id_, event in numbered:
        person = people[event.person]
        amount = NULL if event.amount is None else event.amount
        currency = event.currency or NULL
        generated = "t" if event.is_generated or source.is_generated else "f"
        yield (
            f"{id_}\t{source.pk}\t{_escaped(event.name)}\t{person}\t{person}\t"
            f"{event.occurred_at.isoformat()}\t{received}\t{amount}\t{currency}\t"
            f"{_escaped(event.properties.decode())}\t{generated}\t"
            f"{'t' if event.is_machine else 'f'}\n"
        )


def _item_lines(
    numbered: list[tuple[int, EventRow]], *, people: People, products: dict[str, int]
) -> Iterator[str]:
    """Yield the lines of an event as one text: its part that repeats is written once."""
    for id_, event in numbered:
        if not event.lines:
            continue
        middle = (
            f"\t{event.occurred_at.isoformat()}\t{people[event.person]}\t{_escaped(event.name)}\t"
        )
        yield "".join(
            [
                f"{id_}\t{line}{middle}{products[product]}\t{quantity}\t{price}\n"
                for line, product, quantity, price in event.lines
                if product in products
            ]
        )


def _escaped(text: str) -> str:
    """Write text as COPY reads it; JSON and names hold no other control characters."""
    if "\\" not in text and text.isprintable():
        return text
    marks = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
    return "".join(marks.get(each, each) for each in text)


def _add_days(events: list[EventRow], *, people: People) -> None:
    days: dict[tuple[int, str, date], tuple[int, Decimal]] = {}
    for event in events:
        day = event.occurred_at.astimezone(UTC).date()
        key = (people[event.person], event.name, day)
        count, total = days.get(key, _NOTHING)
        days[key] = (count + 1, total + event.amount if event.amount else total)
    # In one order for everybody, so that two imports cannot wait for each other.
    keys = sorted(days)
    with connection.cursor() as cursor:
        cursor.execute(
            _DAILY,
            [
                _array(key[0] for key in keys),
                [key[1] for key in keys],
                _array(key[2] for key in keys),
                _array(days[key][0] for key in keys),
                _array(days[key][1] for key in keys),
            ],
        )


def _note_seen(events: list[EventRow], *, people: People) -> None:
    seen: dict[int, tuple[datetime, datetime]] = {}
    for event in events:
        person, at = people[event.person], event.occurred_at
        first, last = seen.get(person, (at, at))
        seen[person] = (min(first, at), max(last, at))
    ids = sorted(seen)
    with connection.cursor() as cursor:
        cursor.execute(
            _SEEN,
            [
                _array(ids),
                _array(seen[each][0].isoformat() for each in ids),
                _array(seen[each][1].isoformat() for each in ids),
            ],
        )


def _array(plain: Iterable[object]) -> str:
    """Write numbers and times as an array: the driver would look at each of thousands alone."""
    return "{" + ",".join(map(str, plain)) + "}"
