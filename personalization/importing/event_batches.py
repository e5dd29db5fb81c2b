"""Read the events of a file in batches; what cannot be read stands beside them with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from personalization.importing import event_rows
from personalization.importing.event_rows import EventRow
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row, UnreadableError
from personalization.importing.values import CellError

# A person of whom a batch holds many events is locked and counted once.
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Batch:
    """So many rows of a file, as events or as faults with their line.

    Months, people and products are those of the events, here because reading has its own thread.
    """

    count: int
    events: list[EventRow]
    months: set[str]
    people: set[str]
    products: set[str]
    faults: list[tuple[int, CellError]]
    left_out: frozenset[str]

    def report(self, rejected: RejectedRows) -> None:
        for line, fault in self.faults:
            rejected.add(fault, line=line)


def read_batches(rows: Iterable[Row], *, now: datetime) -> Iterator[Batch]:
    """Yield the rows in batches; of a file that breaks off first what was read, then why."""
    stream = _Stream(rows)
    while batch := _read(stream, now=now):
        yield batch
    if stream.broken:
        raise stream.broken


class _Stream:
    """The rows of a file until it ends or breaks off."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self.broken: UnreadableError | None = None

    def take(self, count: int) -> Iterator[Row]:
        try:
            yield from islice(self._rows, count)
        except UnreadableError as error:
            self.broken = error


def _read(stream: _Stream, *, now: datetime) -> Batch | None:
    events: list[EventRow] = []
    faults: list[tuple[int, CellError]] = []
    # Most rows of a file have the same columns, so whole sets are kept.
    columns: set[tuple[str, ...]] = set()
    for row in stream.take(BATCH_ROWS):
        columns.add(tuple(row.values))
        try:
            events.append(event_rows.read(row, now=now))
        except CellError as fault:
            # Without its frames, which hold the row.
            faults.append((row.line, fault.with_traceback(None)))
    count = len(events) + len(faults)
    names = {name for each in columns for name in each if name}
    if not count:
        return None
    return Batch(
        count=count,
        events=events,
        months={event.at[:7] for event in events},
        people={event.person for event in events},
        products={line[1] for event in events for line in event.lines},
        faults=faults,
        left_out=frozenset(names - event_rows.COLUMNS),
    )
