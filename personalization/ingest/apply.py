"""Apply waiting events: whose they are, may they be kept, store them; what is wrong waits apart."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from django.db import DataError, transaction

from consent import gate, identity
from personalization.importing import event_rows, event_store
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue, People
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.ingest import partitions
from personalization.ingest.accept import INBOX_PLACE
from personalization.ingest.purposes import CONTRACT, collection_purpose
from personalization.models import InboxEvent, Source

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch: `refused` lacked the consent to be kept at all."""

    taken: int = 0
    stored: int = 0
    repeated: int = 0
    refused: int = 0
    quarantined: int = 0

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(
            taken=self.taken + other.taken,
            stored=self.stored + other.stored,
            repeated=self.repeated + other.repeated,
            refused=self.refused + other.refused,
            quarantined=self.quarantined + other.quarantined,
        )


@transaction.atomic
def apply_batch(*, now: datetime, limit: int = BATCH) -> Applied:
    """Take the oldest waiting events; another worker takes others. One transaction, all or none.

    All are of one source, so that every worker locks in one order: who is new, then people, then
    their counts.
    """
    waiting = _take(limit)
    if not waiting:
        return Applied()
    partitions.ensure_ahead(now=now)
    applied = _apply_or_split(waiting, now=now)
    InboxEvent.objects.filter(pk__in=[row.pk for row in waiting], quarantined_at=None).delete()
    return applied


def _take(limit: int) -> list[InboxEvent]:
    rows = InboxEvent.objects.filter(quarantined_at=None).order_by("id")
    free = rows.select_for_update(skip_locked=True, of=("self",)).select_related("source")
    oldest = free.first()
    return list(free.filter(source=oldest.source_id)[:limit]) if oldest else []


def _apply_or_split(waiting: Sequence[InboxEvent], *, now: datetime) -> Applied:
    """Halve a batch the database refuses, until the one faulty event stands apart."""
    try:
        with transaction.atomic():
            return _apply(waiting, source=waiting[0].source, now=now)
    except DataError:
        if len(waiting) == 1:
            _quarantine(waiting, reason="a number in it is larger than any sum may be", now=now)
            return Applied(taken=1, quarantined=1)
        half = len(waiting) // 2
        first = _apply_or_split(waiting[:half], now=now)
        return first + _apply_or_split(waiting[half:], now=now)


def _quarantine(rows: Sequence[InboxEvent], *, reason: str, now: datetime) -> None:
    InboxEvent.objects.filter(pk__in=[row.pk for row in rows]).update(
        quarantined_at=now, reason=reason[:300]
    )


def _apply(waiting: Sequence[InboxEvent], *, source: Source, now: datetime) -> Applied:
    people, catalogue = People(source=source.slug), Catalogue()
    events, quarantined = _read(waiting, people=people, now=now)
    people.learn({event.person for event in events})
    gone = people.gone({event.person for event in events})
    kept = _permitted([e for e in events if e.person not in gone], people=people, now=now)
    fresh = event_store.claim(kept, source=source, now=now)
    catalogue.learn({line[1] for event in fresh for line in event.lines})
    event_store.write(fresh, source=source, people=people, catalogue=catalogue, now=now)
    return Applied(
        taken=len(waiting),
        stored=len(fresh),
        repeated=len(kept) - len(fresh),
        refused=len(events) - len(kept),
        quarantined=quarantined,
    )


def _read(
    waiting: Iterable[InboxEvent], *, people: People, now: datetime
) -> tuple[list[EventRow], int]:
    """Open and check payloads; a faulty one is set apart with its reason, its neighbours go on."""
    events = []
    faulty: dict[str, list[InboxEvent]] = defaultdict(list)
    for row in waiting:
        try:
            payload = _open(row)
            event = event_rows.read(_as_row(payload, row=row), now=now)
        except CellError as fault:
            faulty[str(fault)].append(row)
        except identity.SealBroken:
            faulty["it does not open: its bytes were changed, or it was moved here"].append(row)
        else:
            events.append(_whose(event, subject_id=payload["subject_id"], people=people))
    for reason, rows in faulty.items():
        _quarantine(rows, reason=reason, now=now)
    return events, sum(map(len, faulty.values()))


def _whose(event: EventRow, *, subject_id: int | None, people: People) -> EventRow:
    if subject_id is None:
        return event
    # No customer number holds a NUL, so none can pass for a subject of ours.
    person = f"\0{subject_id}"
    people.know(person, subject_id=subject_id)
    return replace(event, person=person)


def _open(row: InboxEvent) -> dict[str, Any]:
    plain = identity.open_for_system(row.payload, place=INBOX_PLACE, owner=row.message_id)
    payload: dict[str, Any] = orjson.loads(plain)
    return payload


def _as_row(payload: dict[str, Any], *, row: InboxEvent) -> Row:
    is_known = payload["subject_id"] is not None
    return Row(
        line=row.pk,
        values={
            "message_id": payload["message_id"],
            "type": "track",
            "event": payload["event"],
            "external_id": "known" if is_known else payload["external_id"],
            "timestamp": payload["timestamp"],
            "properties": payload["properties"],
            "machine": payload["is_machine"],
        },
    )


def _permitted(events: Sequence[EventRow], *, people: People, now: datetime) -> list[EventRow]:
    """Keep the events whose collection the person allows; orders are kept by contract."""
    ids = {people[event.person] for event in events}
    permissions = gate.permissions(ids, purpose="email_marketing", at=now)
    return [
        event
        for event in events
        if (purpose := collection_purpose(event.name)) == CONTRACT
        or purpose in permissions[people[event.person]].granted
    ]
