"""Load events by COPY: a batch is read, its repeats dropped by key, then written in one go."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.db import connection, transaction

from consent.jobs import Progress
from personalization.commerce import state
from personalization.importing import event_rows, event_store, settling
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.outcome import Loaded, batches
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.told_orders import ToldOrders
from personalization.importing.values import CellError
from personalization.models import ProfileDue, Source

BATCH_ROWS = 5000
REQUIRED = ("external_id", "anonymous_id")
_GONE = "belongs to somebody who was erased or merged meanwhile: run the import again"


def load(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
    import_id: int | None = None,
) -> Loaded:
    """Store events nobody saw yet, a constant number of queries a batch; carts and orders follow.

    A message id of the same source is a repeat and changes nothing. A person nobody knows is
    made; a line whose product is not in the catalogue is left out and counted. `import_id` is
    noted on each event, so that the import can be undone.
    """
    batch_of = _Batches(source=source, now=now, rejected=rejected, import_id=import_id)
    outcome = Loaded()
    for batch in _in_batches(rows):
        outcome += batch_of.load(batch)
        progress.advance(len(batch))
    settling.settle(now=now)
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


def _in_batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    stream = batches(rows, size=BATCH_ROWS)
    while True:
        with _collector_at_rest():
            batch = next(stream, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Rows are freed by counting. Looking through tens of thousands of them for circles, again and
    again, would take as long as reading them; between two batches the collector runs as always."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Batches:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        *,
        source: Source,
        now: datetime,
        rejected: RejectedRows,
        import_id: int | None = None,
    ) -> None:
        self.source = source
        self.now = now
        self.rejected = rejected
        self.import_id = import_id
        self.people = People(space=source.space)
        self.catalogue = Catalogue()
        self.told = ToldOrders(source=source)
        self.months: set[tuple[int, int]] = set()

    def left_out(self, batch: list[Row]) -> frozenset[str]:
        # Most rows of a file have the same columns, so whole sets are compared first.
        columns = {tuple(row.values) for row in batch}
        names = {name for each in columns for name in each if name}
        return frozenset(names - event_rows.COLUMNS)

    def read(self, batch: list[Row]) -> list[EventRow]:
        found = []
        for row in batch:
            try:
                found.append(event_rows.read(row, now=self.now))
            except CellError as fault:
                self.rejected.add(fault, line=row.line)
        return found

    def load(self, batch: list[Row]) -> Loaded:
        with _collector_at_rest():
            return self._load(batch)

    def _load(self, batch: list[Row]) -> Loaded:
        before = self.rejected.count
        events = self.read(batch)
        # In a transaction of its own: making a month locks the tables for everybody.
        self._add_months({(event.occurred_at.year, event.occurred_at.month) for event in events})
        with transaction.atomic():
            event_store.commit_lazily()
            fresh = self._fresh(self._of_living_people(events))
            unknown = self._write(fresh)
        refused = self.rejected.count - before
        return Loaded(
            loaded=len(fresh),
            unchanged=len(batch) - refused - len(fresh),
            rejected=refused,
            unknown_products=unknown,
            left_out=self.left_out(batch),
        )

    def _fresh(self, events: list[EventRow]) -> list[EventRow]:
        ids = [event.message_id for event in events]
        is_new = event_store.claim(ids, source=self.source, now=self.now)
        return self.told.once([event for event, new in zip(events, is_new, strict=True) if new])

    def _write(self, fresh: list[EventRow]) -> int:
        self.catalogue.learn({line[1] for event in fresh for line in event.lines})
        owners = [self.people[event.person] for event in fresh]
        unknown = event_store.write(
            fresh,
            owners=owners,
            source=self.source,
            catalogue=self.catalogue,
            now=self.now,
            import_id=self.import_id,
        )
        concerned = {name for name in {event.name for event in fresh} if state.concerns(name)}
        changed = {owner for owner, e in zip(owners, fresh, strict=True) if e.name in concerned}
        event_store.make_due(set(owners), work=ProfileDue.Work.TRAITS)
        event_store.make_due(changed, work=ProfileDue.Work.COMMERCE)
        return unknown

    def _add_months(self, months: set[tuple[int, int]]) -> None:
        missing = sorted(months - self.months)
        if missing:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT attune_add_months(month, month) FROM unnest(%s::date[]) AS month",
                    [[date(year, month, 1) for year, month in missing]],
                )
            self.months |= set(missing)

    def _of_living_people(self, events: list[EventRow]) -> list[EventRow]:
        people = {event.person for event in events}
        self.people.learn(people)
        gone = self.people.gone(people)
        for event in events if gone else ():
            if event.person in gone:
                self.rejected.add(CellError("external_id", _GONE), line=event.line)
        return [event for event in events if event.person not in gone] if gone else events
