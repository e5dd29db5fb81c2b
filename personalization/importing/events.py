"""Load events by COPY: a batch is read, its repeats dropped by key, then written in one go."""

import gc
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

from django.db import connection, transaction

from consent.jobs import Progress
from personalization.commerce import state
from personalization.importing import afterwards, event_store, settling
from personalization.importing.afterwards import Later
from personalization.importing.ahead import ahead, collector_at_rest
from personalization.importing.event_batches import Batch, read_batches
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.told_orders import ToldOrders
from personalization.importing.values import CellError
from personalization.models import ProfileDue, Source

REQUIRED = ("external_id", "anonymous_id")
# Without the JSON: comparing it took twice as long as all the rest, and tells the planner nothing.
_ANALYSE = """
ANALYZE personalization_event
    (source_id, name, profile_id, occurred_at, amount, is_machine, import_id),
    personalization_eventitem
"""
# Batches; nearly everything is freed by counting alone.
COLLECT_EVERY = 10
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
    with collector_at_rest(), closing(ahead(read_batches(rows, now=now))) as stream:
        try:
            for number, batch in enumerate(stream, start=1):
                outcome += batch_of.load(batch)
                progress.advance(batch.count)
                if number % COLLECT_EVERY == 0:
                    gc.collect(1)
        finally:
            # Also when it is stopped; of one that is killed `intake.settle` does it.
            batch_of.later.write()
    if import_id:
        afterwards.note_of_unfinished(source=source, but=import_id)
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
    outcome = Loaded()
    for batch in read_batches(rows, now=now):
        batch.report(rejected)
        outcome += Loaded(
            loaded=len(batch.events), rejected=len(batch.faults), left_out=batch.left_out
        )
        progress.advance(batch.count)
    return outcome


def refresh_statistics() -> None:
    """Tell the planner what came in; autovacuum never looks at a partitioned table as a whole."""
    with connection.cursor() as cursor:
        cursor.execute(_ANALYSE)


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
        self.later = Later()
        self.claims = event_store.Claims(source=source, now=now)
        self.months: set[str] = set()

    def load(self, batch: Batch) -> Loaded:
        before = self.rejected.count
        batch.report(self.rejected)
        # In a transaction of its own: making a month locks the tables for everybody.
        self._add_months(batch.months)
        with transaction.atomic():
            event_store.commit_lazily()
            fresh = self._fresh(self._of_living_people(batch))
            self.catalogue.learn(batch.products)
            unknown = self._write(fresh)
        refused = self.rejected.count - before
        return Loaded(
            loaded=len(fresh),
            unchanged=batch.count - refused - len(fresh),
            rejected=refused,
            unknown_products=unknown,
            left_out=batch.left_out,
        )

    def _fresh(self, events: list[EventRow]) -> list[EventRow]:
        ids = [event.message_id for event in events]
        is_new = self.claims.claim(ids)
        return self.told.once([event for event, new in zip(events, is_new, strict=True) if new])

    def _write(self, fresh: list[EventRow]) -> int:
        owners = self.people.ids(event.person for event in fresh)
        unknown = event_store.write(
            fresh,
            owners=owners,
            source=self.source,
            catalogue=self.catalogue,
            now=self.now,
            import_id=self.import_id,
            # Nobody finds what an import without a number left undone.
            note=self.later.note if self.import_id else afterwards.note,
        )
        names = {name for name in {event.name for event in fresh} if state.concerns(name)}
        changed = {own for own, e in zip(owners, fresh, strict=True) if e.name in names}
        if not self.import_id:
            afterwards.make_due(sorted({*owners}), work=ProfileDue.Work.TRAITS)
        afterwards.make_due(sorted(changed), work=ProfileDue.Work.COMMERCE)
        return unknown

    def _add_months(self, months: set[str]) -> None:
        missing = sorted(months - self.months)
        if missing:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT attune_add_months(month, month) FROM unnest(%s::date[]) AS month",
                    [[f"{month}-01" for month in missing]],
                )
            self.months |= set(missing)

    def _of_living_people(self, batch: Batch) -> list[EventRow]:
        events = batch.events
        self.people.learn(batch.people)
        gone = self.people.gone(batch.people)
        for event in events if gone else ():
            if event.person in gone:
                self.rejected.add(CellError("external_id", _GONE), line=event.line)
        return [event for event in events if event.person not in gone] if gone else events
