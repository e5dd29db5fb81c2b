"""Load events by COPY: a batch is read, its repeats dropped by key, then written in one go."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import connection, transaction

from consent.jobs import Progress
from personalization.importing import event_rows, event_store
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.outcome import Loaded, batches
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Source

BATCH_ROWS = 4000
REQUIRED = ("external_id",)
_GONE = "belongs to somebody who was erased or merged meanwhile: run the import again"


def load(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
) -> Loaded:
    """Store events nobody saw yet, a constant number of queries a batch.

    A message id of the same source is a repeat and changes nothing. A person nobody knows is
    made; a line whose product is not in the catalogue is left out and counted.
    """
    batch_of = _Batches(source=source, now=now, rejected=rejected)
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        outcome += batch_of.load(batch)
        progress.advance(len(batch))
    return outcome


def check(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
) -> Loaded:
    """Read every row and write nothing; repeats and unknown products are not judged."""
    batch_of = _Batches(source=source, now=now, rejected=rejected)
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        good = len(batch_of.read(batch))
        left_out = batch_of.left_out(batch)
        outcome += Loaded(loaded=good, rejected=len(batch) - good, left_out=left_out)
        progress.advance(len(batch))
    return outcome


def refresh_statistics() -> None:
    """Tell the planner what came in; autovacuum never looks at a partitioned table as a whole."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE personalization_event, personalization_eventitem")


def _month(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


class _Batches:
    """What stays the same from batch to batch."""

    def __init__(self, *, source: Source, now: datetime, rejected: RejectedRows) -> None:
        self.source = source
        self.now = now
        self.rejected = rejected
        self.people = People(source=source.slug)
        self.catalogue = Catalogue()
        self.months: set[date] = set()

    def left_out(self, batch: list[Row]) -> frozenset[str]:
        names = {name for row in batch for name in row.values.keys() - event_rows.COLUMNS}
        return frozenset(name for name in names if name)

    def read(self, batch: list[Row]) -> list[EventRow]:
        found = []
        for row in batch:
            try:
                found.append(event_rows.read(row, now=self.now))
            except CellError as fault:
                self.rejected.add(fault, line=row.line)
        return found

    def load(self, batch: list[Row]) -> Loaded:
        before = self.rejected.count
        events = self.read(batch)
        # In a transaction of its own: making a month locks the tables for everybody.
        self._add_months({_month(event.occurred_at) for event in events})
        with transaction.atomic():
            event_store.commit_lazily()
            events = self._of_living_people(events)
            fresh = event_store.claim(events, source=self.source, now=self.now)
            self.catalogue.learn({line[1] for event in fresh for line in event.lines})
            unknown = event_store.write(
                fresh,
                source=self.source,
                people=self.people,
                catalogue=self.catalogue,
                now=self.now,
            )
        refused = self.rejected.count - before
        return Loaded(
            loaded=len(fresh),
            unchanged=len(batch) - refused - len(fresh),
            rejected=refused,
            unknown_products=unknown,
            left_out=self.left_out(batch),
        )

    def _add_months(self, months: set[date]) -> None:
        missing = sorted(months - self.months)
        if missing:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT attune_add_months(month, month) FROM unnest(%s::date[]) AS month",
                    [missing],
                )
            self.months |= set(missing)

    def _of_living_people(self, events: list[EventRow]) -> list[EventRow]:
        self.people.learn({event.person for event in events})
        gone = self.people.gone({event.person for event in events})
        for event in events:
            if event.person in gone:
                self.rejected.add(CellError("external_id", _GONE), line=event.line)
        return [event for event in events if event.person not in gone] if gone else events
