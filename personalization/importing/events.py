"""Load events by COPY: a batch is read, its repeats dropped by key, then written in one go."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection, transaction

from consent.jobs import Progress
from personalization.commerce import state
from personalization.importing import afterwards, event_parcels, event_store, settling
from personalization.importing.afterwards import Later
from personalization.importing.ahead import (
    Meanwhile,
    Steps,
    Task,
    ahead,
    collector_at_rest,
    finish,
    meanwhile,
)
from personalization.importing.event_batches import Batch, Stream, read_batches
from personalization.importing.event_parcels import Origin, Parcel
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.outcome import Loaded
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row, UnreadableError
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
    batch_of = _Batches(origin=Origin(source, now, import_id), rejected=rejected)
    outcome = Loaded()
    with collector_at_rest(), meanwhile() as work:
        batches = ahead(Stream(rows, now=now).read, work=work)
        try:
            for number, ready in enumerate(batch_of.prepared(batches, work=work), start=1):
                outcome += batch_of.load(ready)
                progress.advance(ready.batch.count)
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


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch of which all is looked up, and which is made into a parcel meanwhile."""

    batch: Batch
    owners: dict[str, int]
    products: dict[str, int]
    ids: Sequence[int]
    # None where some of it is probably known already, and would have to come out again.
    keys: Task[bytes] | None
    parcel: Task[Parcel] | None


class _Batches:
    """What stays the same from batch to batch."""

    def __init__(self, *, origin: Origin, rejected: RejectedRows) -> None:
        self.origin = origin
        self.rejected = rejected
        self.people = People(space=origin.source.space)
        self.catalogue = Catalogue()
        self.told = ToldOrders(source=origin.source)
        self.later = Later()
        self.months: set[str] = set()
        self.was_new = True

    def prepared(self, batches: Iterator[Batch], *, work: Meanwhile) -> Iterator[_Prepared]:
        """Yield each batch when the next is prepared, too, which so is made while it is written.

        Of a file that breaks off, the last batch comes before it is said why.
        """
        ready: _Prepared | None = None
        broken: UnreadableError | None = None
        try:
            for batch in batches:
                coming = self._prepare(batch, work=work)
                if ready:
                    yield ready
                ready = coming
        except UnreadableError as error:
            broken = error
        if ready:
            yield ready
        if broken:
            raise broken

    def load(self, ready: _Prepared) -> Loaded:
        """Write a batch in one transaction: all that is new of it, or nothing."""
        batch, before = ready.batch, self.rejected.count
        batch.report(self.rejected)
        with transaction.atomic():
            event_store.commit_lazily()
            fresh = self._fresh(self._of_living_people(ready), ready=ready)
            unknown = self._write(fresh, ready=ready) if fresh else 0
        refused = self.rejected.count - before
        return Loaded(
            loaded=len(fresh),
            unchanged=batch.count - refused - len(fresh),
            rejected=refused,
            unknown_products=unknown,
            left_out=batch.left_out,
        )

    def _prepare(self, batch: Batch, *, work: Meanwhile) -> _Prepared:
        # In a transaction of its own: making a month locks the tables for everybody.
        self._add_months(batch.months)
        events = batch.events
        with transaction.atomic():
            event_store.commit_lazily()
            owners = self.people.learn(batch.people)
            products = self.catalogue.learn(batch.products)
            ids = event_store.new_ids(len(events)) if events else ()
        ready = _Prepared(batch, owners, products, ids, keys=None, parcel=None)
        if not (events and self.was_new):
            return ready
        message_ids = [event.message_id for event in events]
        return replace(
            ready,
            keys=work.start(event_parcels.keys(message_ids, origin=self.origin)),
            parcel=work.start(self._composed(events, ready=ready)),
        )

    def _composed(self, events: Sequence[EventRow], *, ready: _Prepared) -> Steps[Parcel]:
        return event_parcels.compose(
            events,
            owners=[ready.owners[event.person] for event in events],
            ids=ready.ids[: len(events)],
            products=ready.products,
            origin=self.origin,
        )

    def _fresh(self, events: list[EventRow], *, ready: _Prepared) -> list[EventRow]:
        """Return the events that are new, and take their message ids.

        While a file brings nothing but new ones its ids are taken by COPY, which is cheaper and
        stops at the first repeat.
        """
        is_whole = events is ready.batch.events
        if is_whole and ready.keys and event_store.claim_all(ready.keys.result()):
            return self.told.once(events)
        source, now = self.origin.source, self.origin.now
        is_new = event_store.claim([e.message_id for e in events], source=source, now=now)
        self.was_new = all(is_new)
        return self.told.once([event for event, new in zip(events, is_new, strict=True) if new])

    def _write(self, fresh: list[EventRow], *, ready: _Prepared) -> int:
        if ready.parcel and fresh == ready.batch.events:
            parcel = ready.parcel.result()
        else:
            parcel = finish(self._composed(fresh, ready=ready))
        is_numbered = self.origin.import_id is not None
        # Nobody finds what an import without a number left undone.
        unknown = event_store.store(
            parcel, note=self.later.note if is_numbered else afterwards.note
        )
        if not is_numbered:
            afterwards.make_due(parcel.days.people.tolist(), work=ProfileDue.Work.TRAITS)
        names = {name for name in parcel.days.names if state.concerns(name)}
        changed = {ready.owners[e.person] for e in fresh if e.name in names} if names else ()
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

    def _of_living_people(self, ready: _Prepared) -> list[EventRow]:
        events = ready.batch.events
        gone = self.people.gone(ready.owners)
        for event in events if gone else ():
            if event.person in gone:
                self.rejected.add(CellError("external_id", _GONE), line=event.line)
        return [event for event in events if event.person not in gone] if gone else events
