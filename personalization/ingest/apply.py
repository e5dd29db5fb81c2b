"""Apply waiting events: whose they are, may they be kept, store them; what is wrong waits apart."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from django.db import DataError, OperationalError, connection, transaction

from personalization.commerce import state
from personalization.importing import afterwards, event_store
from personalization.importing.ahead import Meanwhile, collector_at_rest, meanwhile
from personalization.ingest import consent, given, inbox, opening, partitions, people, seen, storing
from personalization.ingest import tally as tallies
from personalization.ingest.inbox import Taken, Waiting
from personalization.ingest.opening import Ahead, Opened
from personalization.ingest.purposes import PROFILING, collection_purpose
from personalization.ingest.reading import Reading
from personalization.ingest.tally import Outcome, Tally
from personalization.models import ProfileDue, Source, SourceDay

BATCH = 4000
# What the database refuses is looked for in batches of so many: what they lead to is committed.
CAREFUL = 250
# Two workers may want two people the other holds; the one that is told to stop begins again.
TRIES = 3
# What is counted where a person was erased: no purpose would help.
ERASED = "erased"
_TOO_LARGE = "a number in it is larger than any sum may be"

_TOUCH = """
UPDATE personalization_source SET last_event_at = GREATEST(last_event_at, %s) WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: `refused` lacked the consent to be kept at all.

    `is_busy` says that something waits which other workers are at.
    """

    taken: int = 0
    stored: int = 0
    repeated: int = 0
    refused: int = 0
    quarantined: int = 0
    is_busy: bool = False

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(
            taken=self.taken + other.taken,
            stored=self.stored + other.stored,
            repeated=self.repeated + other.repeated,
            refused=self.refused + other.refused,
            quarantined=self.quarantined + other.quarantined,
            is_busy=self.is_busy or other.is_busy,
        )


def apply_waiting(
    *, clock: Callable[[], datetime], limit: int = BATCH, shift: timedelta = timedelta.max
) -> Iterator[Applied]:
    """Apply batch after batch until nothing waits that no other worker is at, or the shift is over.

    What comes next is read while the database works on what came before.
    """
    ahead, began = Ahead(), clock()
    while (now := clock()) - began < shift:
        batch = apply_batch(now=now, limit=limit, ahead=ahead)
        yield batch
        if not batch.taken:
            break


def apply_batch(*, now: datetime, limit: int = BATCH, ahead: Ahead | None = None) -> Applied:
    """Apply the oldest waiting events of one source, in one transaction: all of them or none.

    Another worker takes another source; of one source everything is applied in order. Who goes on
    with the next batch keeps `ahead` for it.
    """
    try:
        return _apply_undisturbed(now=now, limit=limit, ahead=ahead)
    except DataError:
        return _apply_undisturbed(now=now, limit=min(limit, CAREFUL), ahead=None)


def _apply_undisturbed(*, now: datetime, limit: int, ahead: Ahead | None) -> Applied:
    for _ in range(TRIES - 1):
        try:
            return _apply_next(now=now, limit=limit, ahead=ahead)
        except OperationalError as error:
            is_deadlock = isinstance(error.__cause__, psycopg.errors.DeadlockDetected)
            if not is_deadlock or connection.in_atomic_block:
                raise
    return _apply_next(now=now, limit=limit, ahead=ahead)


@transaction.atomic
def _apply_next(*, now: datetime, limit: int, ahead: Ahead | None) -> Applied:
    taken = inbox.take(limit=limit, ahead=ahead.taken if ahead else None)
    if taken.source is None:
        return Applied(is_busy=taken.is_busy)
    partitions.ensure_ahead(now=now)
    try:
        with collector_at_rest(), meanwhile() as work:
            opened = _opened(taken, now=now, limit=limit, ahead=ahead, work=work)
            tally = _apply_or_split(opened, source=taken.source, now=now)
    except (DataError, OperationalError):
        raise
    except Exception:
        inbox.pass_over(taken.source)
        raise
    _count(tally, rows=taken.rows, source=taken.source, now=now)
    inbox.remove([row.pk for row in taken.rows])
    return Applied(
        taken=len(taken.rows),
        stored=tally.total(Outcome.STORED),
        repeated=tally.total(Outcome.REPEATED),
        refused=tally.total(Outcome.REFUSED),
        quarantined=tally.total(Outcome.QUARANTINED),
    )


def _opened(
    taken: Taken, *, now: datetime, limit: int, ahead: Ahead | None, work: Meanwhile
) -> Opened:
    """Open the batch; where another whole one waits, begin to read that, too."""
    if ahead is None:
        return opening.opened(taken.rows, now=now)
    found = ahead.opened(taken, now=now)
    # What is read of another source already waits for that one's turn.
    if len(taken.rows) == limit and ahead.taken is None:
        following = inbox.following(taken, limit=limit)
        if len(following.rows) == limit:
            ahead.start(following, now=now, work=work)
    return found


def _apply_or_split(opened: Opened, *, source: Source, now: datetime) -> Tally:
    """Halve a small batch the database refuses, until the one faulty event stands apart."""
    rows = opened.rows
    try:
        with transaction.atomic():
            return _apply(opened, source=source, now=now)
    except DataError:
        if len(rows) > CAREFUL:
            raise
        if len(rows) == 1:
            tally = Tally()
            _set_apart([(rows[0], _TOO_LARGE)], now=now, tally=tally)
            return tally
        half = len(rows) // 2
        # Opened again: whose an event is has been noted on its reading.
        parts = [opening.opened(part, now=now) for part in (rows[:half], rows[half:])]
        first, second = (_apply_or_split(part, source=source, now=now) for part in parts)
        return first + second


def _apply(opened: Opened, *, source: Source, now: datetime) -> Tally:
    """Consent that a batch carries is written before it is asked for."""
    tally = Tally()
    _set_apart(opened.faulty, now=now, tally=tally)
    fresh = _not_repeated(opened.readings, source=source, now=now, tally=tally)
    met = people.meet(fresh, space=source.space, now=now)
    _refuse(((each, _purpose(each)) for each in met.strangers), tally=tally)
    _refuse(((each, ERASED) for each in met.gone), tally=tally)
    consent.record(met.known, now=now)

    telling = [each for each in met.known if given.says_something(each)]
    fields = given.allowed() if telling else None
    asked = {each.subject_id for each in telling} if fields and fields.sensitive else ()
    found = consent.sort(met.known, also=asked, now=now)
    _refuse(found.refused, tally=tally)
    changed: set[int] = set()
    if fields:
        changed = given.save(
            telling,
            fields=fields,
            permissions=found.permissions,
            source=source,
            now=now,
            tally=tally,
        )
    _store(found.kept, changed=changed, source=source, now=now, tally=tally)
    return tally


def _not_repeated(
    readings: Sequence[Reading], *, source: Source, now: datetime, tally: Tally
) -> list[Reading]:
    claimed = event_store.claim([each.message_id for each in readings], source=source, now=now)
    fresh = [each for each, is_new in zip(readings, claimed, strict=True) if is_new]
    for each, is_new in zip(readings, claimed, strict=True):
        if not is_new:
            tally.count(Outcome.REPEATED, received_at=each.row.received_at)
    return fresh


def _set_apart(faulty: Sequence[tuple[Waiting, str]], *, now: datetime, tally: Tally) -> None:
    inbox.set_apart({row.pk: reason for row, reason in faulty}, now=now)
    for row, reason in faulty:
        detail = tallies.bare(reason)
        tally.count(Outcome.QUARANTINED, received_at=row.received_at, detail=detail)


def _refuse(refused: Iterable[tuple[Reading, str]], *, tally: Tally) -> None:
    for each, purpose in refused:
        tally.count(Outcome.REFUSED, received_at=each.row.received_at, detail=purpose)


def _purpose(reading: Reading) -> str:
    return collection_purpose(reading.event.name) if reading.event else PROFILING


def _store(
    readings: Sequence[Reading],
    *,
    changed: set[int],
    source: Source,
    now: datetime,
    tally: Tally,
) -> None:
    """Write events, what follows from them, and whose traits are due."""
    events = [each for each in readings if each.event]
    if events:
        state.refresh(storing.store(events, source=source, now=now, tally=tally), now=now)
    due = changed | {each.subject_id for each in events}
    afterwards.make_due(sorted(due), work=ProfileDue.Work.TRAITS)
    for each in readings:
        at = each.row.received_at
        tally.count(Outcome.STORED, received_at=at)
        lag = tallies.lag_bucket(each.occurred_at, received_at=at)
        tally.count(Outcome.LAG, received_at=at, detail=lag)


def _count(tally: Tally, *, rows: Sequence[Waiting], source: Source, now: datetime) -> None:
    for row in rows:
        tally.count(Outcome.ACCEPTED, received_at=row.received_at)
    SourceDay.objects.add(tally.days, source_id=source.pk)
    seen.note(tally.properties, source_id=source.pk, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [max(row.received_at for row in rows), source.pk])
