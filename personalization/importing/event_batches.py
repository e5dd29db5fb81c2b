"""Read the events of a file in batches; what cannot be read stands beside them with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from personalization.importing import event_rows
from personalization.importing.ahead import Steps, finish
from personalization.importing.event_rows import EventRow
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row, UnreadableError
from personalization.importing.values import CellError

# A person of whom a batch holds many events is locked and counted once.
BATCH_ROWS = 10_000
# Rows that are read at a time while the database works: a fifth of a millisecond.
STEP = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """So many rows of a file, as events or as faults with their line.

    Months, people and products are those of the events, here because reading is done ahead.
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
    stream = Stream(rows, now=now)
    while batch := finish(stream.read()):
        yield batch


class Stream:
    """The rows of a file until it ends or breaks off."""

    def __init__(self, rows: Iterable[Row], *, now: datetime) -> None:
        self._rows = iter(rows)
        self._now = now
        self._broken: UnreadableError | None = None

    def read(self) -> Steps[Batch | None]:
        """Read the next batch, None after the last; raise why the file breaks off in its place."""
        events: list[EventRow] = []
        faults: list[tuple[int, CellError]] = []
        # Most rows of a file have the same columns, so whole sets are kept.
        columns: set[tuple[str, ...]] = set()
        for number, row in enumerate(self._take(BATCH_ROWS)):
            columns.add(tuple(row.values))
            try:
                events.append(event_rows.read(row, now=self._now))
            except CellError as fault:
                # Without its frames, which hold the row.
                faults.append((row.line, fault.with_traceback(None)))
            if number % STEP == 0:
                yield
        if events or faults:
            return _batch(events, faults=faults, columns=columns)
        if self._broken:
            raise self._broken
        return None

    def _take(self, count: int) -> Iterator[Row]:
        try:
            yield from islice(self._rows, count)
        except UnreadableError as error:
            self._broken = error


def _batch(
    events: list[EventRow],
    *,
    faults: list[tuple[int, CellError]],
    columns: Iterable[tuple[str, ...]],
) -> Batch:
    names = {name for each in columns for name in each if name}
    return Batch(
        count=len(events) + len(faults),
        events=events,
        months={event.at[:7] for event in events},
        people={event.person for event in events},
        products={line[1] for event in events for line in event.lines},
        faults=faults,
        left_out=frozenset(names - event_rows.COLUMNS),
    )
