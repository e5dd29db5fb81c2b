"""Write a batch of events: keys, events, their lines, day counts and who was seen when."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import psycopg
from django.db import connection, transaction

from personalization.importing import afterwards, event_days
from personalization.importing.event_days import Days
from personalization.importing.event_rows import NOTHING, EventRow
from personalization.importing.known import Catalogue
from personalization.importing.outcome import batches
from personalization.models import Source

# Every write waits for the socket: few of them, yet the server works while the next is made.
PART = 200
NULL = r"\N"

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

# Its id, whose it is, and what happened.
_Row = tuple[int, int, EventRow]


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
        cursor.execute(_CLAIM, [source.pk, now, _texts(asked), len(message_ids)])
        new, count = cursor.fetchone()
    if count == len(message_ids):
        return [True] * count
    fresh = set(new or ())
    found = []
    for each in message_ids:
        found.append(each in fresh)
        fresh.discard(each)
    return found


class Claims:
    """Takes the message ids of a file: by COPY, until the first repeat shows that it has some."""

    def __init__(self, *, source: Source, now: datetime) -> None:
        self._source = source
        self._now = now
        self._are_new = True

    def claim(self, message_ids: Sequence[str]) -> list[bool]:
        """Say for each message id whether it is new for this source, and take the new ones."""
        self._are_new = self._are_new and self._copied(message_ids)
        if self._are_new:
            return [True] * len(message_ids)
        return claim(message_ids, source=self._source, now=self._now)

    def _copied(self, message_ids: Sequence[str]) -> bool:
        end = f"\t{self._now.isoformat()}\n"
        start = f"{self._source.pk}\t"
        try:
            with transaction.atomic():
                _copy(_COPY_KEYS, (f"{start}{_escaped(each)}{end}" for each in sorted(message_ids)))
        except psycopg.errors.UniqueViolation:
            return False
        return True


def write(
    events: Sequence[EventRow],
    *,
    owners: Sequence[int],
    source: Source,
    catalogue: Catalogue,
    now: datetime,
    origins: Sequence[int] = (),
    import_id: int | None = None,
    note: Callable[[Days], None] = afterwards.note,
) -> int:
    """Write a batch, `owners` being the subject of each event, `origins` who they were before a
    merge; `note` is told what follows from it.

    Return how many lines were left out for want of their product.
    """
    if not events:
        return 0
    # Who stands together on a page of the table also does in its indexes, which is the most of it.
    order = sorted(range(len(events)), key=owners.__getitem__)
    events, owners = [events[each] for each in order], [owners[each] for each in order]
    origins = [origins[each] for each in order] if origins else owners
    ids = _new_ids(len(events))
    rows = list(zip(ids, owners, events, strict=True))
    received = f"\t{now.isoformat()}\t"
    from_ = NULL if import_id is None else str(import_id)
    lines = _event_lines(rows, origins, source=source, received=received, file=from_)
    _copy(_COPY_EVENTS, lines)
    written = 0
    wanted = sum(len(event.lines) for event in events)
    if wanted:
        written = _copy(_COPY_ITEMS, _item_lines(rows, products=catalogue.ids))
    days = event_days.count(events, owners=owners, ids=ids)
    event_days.add(days)
    note(days)
    return wanted - written


def _new_ids(count: int) -> Sequence[int]:
    with connection.cursor() as cursor:
        cursor.execute(_IDS, [count])
        first, last, scattered = cursor.fetchone()
    return scattered or range(first, last + 1)


def _copy(statement: str, lines: Iterator[str]) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for part in batches(lines, size=PART):
                copy.write("".join(part))
        return int(cursor.rowcount)


def _event_lines(
    rows: Sequence[_Row], origins: Sequence[int], /, *, source: Source, received: str, file: str
) -> Iterator[str]:
    always = "t" if source.is_generated else ""
    start = f"\t{source.pk}\t"
    for (id_, owner, event), origin in zip(rows, origins, strict=True):
        amount = NULL if event.amount is None else event.amount
        generated = always or ("t" if event.is_generated else "f")
        context = "{}" if event.context is NOTHING else _escaped(event.context.decode())
        yield (
            f"{id_}{start}{_escaped(event.name)}\t{owner}\t{origin}\t"
            f"{event.at}{received}{amount}\t{event.currency or NULL}\t"
            f"{_escaped(event.properties.decode())}\t{context}\t{file}\t{generated}\t"
            f"{'t' if event.is_machine else 'f'}\n"
        )


def _item_lines(rows: Sequence[_Row], *, products: dict[str, int]) -> Iterator[str]:
    """Yield the lines of an event as one text: its part that repeats is written once."""
    for id_, owner, event in rows:
        if not event.lines:
            continue
        middle = f"\t{event.at}\t{owner}\t{_escaped(event.name)}\t"
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


def _texts(texts: list[str]) -> list[str] | str:
    """Write texts as an array, if nothing in them has a meaning there."""
    joined = '","'.join(texts)
    is_plain = joined.count('"') == 2 * (len(texts) - 1) and "\\" not in joined
    return f'{{"{joined}"}}' if texts and is_plain else texts
