"""Make of a batch of events what the database takes: text for COPY, day counts.

Without a query and in small steps, so that it can be made while the batch before is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from personalization.importing import event_days
from personalization.importing.ahead import Steps
from personalization.importing.event_days import Days
from personalization.importing.event_rows import NOTHING, EventRow
from personalization.importing.outcome import batches
from personalization.models import Source

NULL = r"\N"
# Lines that are made at a time: a fifth of a millisecond.
STEP = 128

# Its id, whose it is, and what happened.
_Row = tuple[int, int, EventRow]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch comes from and when; `import_id` is noted on events that come with a file."""

    source: Source
    now: datetime
    import_id: int | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch ready to be written: lines of `events` and their `items` as COPY reads them.

    `wanted` is how many items there are, those of unknown products, which are left out, included.
    """

    events: bytes
    items: bytes
    wanted: int
    days: Days
    daily: list[str | list[str]]


def compose(
    events: Sequence[EventRow],
    *,
    owners: Sequence[int],
    origins: Sequence[int] = (),
    ids: Sequence[int],
    products: Mapping[str, int],
    origin: Origin,
) -> Steps[Parcel]:
    """Make a parcel of at least one event, `owners` being the subject of each, `origins` who they
    were before a merge."""
    # Who stands together on a page of the table also does in its indexes, which is the most of it.
    order = sorted(range(len(events)), key=owners.__getitem__)
    events, owners = [events[each] for each in order], [owners[each] for each in order]
    origins = [origins[each] for each in order] if origins else owners
    yield
    days = event_days.count(events, owners=owners, ids=ids)
    yield
    daily = event_days.written(days)
    rows = list(zip(ids, owners, events, strict=True))
    yield
    return Parcel(
        events=(yield from _joined(_event_lines(rows, origins, origin=origin))),
        items=(yield from _joined(_item_lines(rows, products=products))),
        wanted=sum(len(event.lines) for event in events),
        days=days,
        daily=daily,
    )


def keys(message_ids: Sequence[str], *, origin: Origin) -> Steps[bytes]:
    """Make the lines of the keys of events, in the order of their index."""
    end = f"\t{origin.now.isoformat()}\n"
    start = f"{origin.source.pk}\t"
    lines = (f"{start}{_escaped(each)}{end}" for each in sorted(message_ids))
    return (yield from _joined(lines))


def _joined(lines: Iterator[str]) -> Steps[bytes]:
    parts = []
    for part in batches(lines, size=STEP):
        parts.append("".join(part))
        yield
    return "".join(parts).encode()


def _event_lines(
    rows: Sequence[_Row], origins: Sequence[int], /, *, origin: Origin
) -> Iterator[str]:
    always = "t" if origin.source.is_generated else ""
    start = f"\t{origin.source.pk}\t"
    received = f"\t{origin.now.isoformat()}\t"
    file = NULL if origin.import_id is None else str(origin.import_id)
    for (id_, owner, event), before in zip(rows, origins, strict=True):
        amount = NULL if event.amount is None else event.amount
        generated = always or ("t" if event.is_generated else "f")
        context = "{}" if event.context is NOTHING else _escaped(event.context.decode())
        yield (
            f"{id_}{start}{_escaped(event.name)}\t{owner}\t{before}\t"
            f"{event.at}{received}{amount}\t{event.currency or NULL}\t"
            f"{_escaped(event.properties.decode())}\t{context}\t{file}\t{generated}\t"
            f"{'t' if event.is_machine else 'f'}\n"
        )


def _item_lines(rows: Sequence[_Row], *, products: Mapping[str, int]) -> Iterator[str]:
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
