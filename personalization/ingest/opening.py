"""Open and read what waits; what comes next is read while the database works on what was taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consent import identity
from personalization.importing.ahead import Meanwhile, Steps, Task, finish
from personalization.importing.outcome import batches
from personalization.importing.values import CellError
from personalization.ingest import inbox, reading
from personalization.ingest.inbox import Taken, Waiting
from personalization.ingest.reading import Reading

# Rows that are read at a time: of usual ones under a millisecond.
STEP = 16
_BROKEN = "it does not open: its bytes were changed, or it was moved here"


@dataclass(frozen=True, slots=True)
class Opened:
    """Rows of the inbox by what they hold: the readable ones, and the others with their fault."""

    rows: Sequence[Waiting]
    readings: Sequence[Reading]
    faulty: Sequence[tuple[Waiting, str]]


def opened(rows: Sequence[Waiting], *, now: datetime) -> Opened:
    """Open and check payloads; a faulty one stands apart with its reason, its neighbours go on."""
    return finish(_in_steps(rows, now=now))


def _in_steps(rows: Sequence[Waiting], *, now: datetime) -> Steps[Opened]:
    readings: list[Reading] = []
    faulty: list[tuple[Waiting, str]] = []
    for part in batches(rows, size=STEP):
        for row in part:
            try:
                payload = inbox.open_payload(row.payload, message_id=row.message_id)
                readings.append(reading.read(payload, row=row, now=now))
            except CellError as fault:
                faulty.append((row, str(fault)))
            except identity.SealBroken:
                faulty.append((row, _BROKEN))
        yield
    return Opened(rows, readings, faulty)


class Ahead:
    """What one worker has read of the rows that one source has next."""

    def __init__(self) -> None:
        self.taken: Taken | None = None
        self._task: Task[Opened] | None = None

    def start(self, taken: Taken, *, now: datetime, work: Meanwhile) -> None:
        """Read these rows, step by step, as there is time."""
        self.taken, self._task = taken, work.start(_in_steps(taken.rows, now=now))

    def opened(self, taken: Taken, *, now: datetime) -> Opened:
        """Return what was taken, opened; what was read of the same source is used up by it."""
        known, task = self.taken, self._task
        if known and task and known.source == taken.source:
            self.taken = self._task = None
            if taken.rows is known.rows:
                return task.result()
            task.drop()
        return opened(taken.rows, now=now)
