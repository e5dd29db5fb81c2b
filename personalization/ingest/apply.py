"""Apply waiting events: whose they are, may they be kept, store them; what is wrong waits apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from django.db import transaction

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
    """Take the oldest waiting events; another worker takes others. One transaction, all or none."""
    waiting = list(
        InboxEvent.objects.filter(quarantined_at=None)
        .select_related("source")
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    partitions.ensure_ahead(now=now)
    by_source = groupby(sorted(waiting, key=lambda row: (row.source_id, row.pk)), _source)
    total = Applied()
    for source, rows in by_source:
        total += _apply(list(rows), source=source, now=now)
    InboxEvent.objects.filter(pk__in=[row.pk for row in waiting], quarantined_at=None).delete()
    return total


def _source(row: InboxEvent) -> Source:
    return row.source


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
    events, faulty = [], []
    for row in waiting:
        payload = _open(row)
        try:
            event = event_rows.read(_as_row(payload, row=row), now=now)
        except CellError as fault:
            row.quarantined_at, row.reason = now, str(fault)[:300]
            faulty.append(row)
            continue
        if payload["subject_id"] is not None:
            people.know(event.person, subject_id=payload["subject_id"])
        events.append(event)
    InboxEvent.objects.bulk_update(faulty, ["quarantined_at", "reason"])
    return events, len(faulty)


def _open(row: InboxEvent) -> dict[str, Any]:
    plain = identity.open_sealed(
        row.payload, key=identity.system_key(), place=INBOX_PLACE, owner=row.message_id
    )
    payload: dict[str, Any] = orjson.loads(plain)
    return payload


def _as_row(payload: dict[str, Any], *, row: InboxEvent) -> Row:
    subject_id = payload["subject_id"]
    person = payload["external_id"] if subject_id is None else f"subject:{subject_id}"
    return Row(
        line=row.pk,
        values={
            "message_id": payload["message_id"],
            "type": "track",
            "event": payload["event"],
            "external_id": person,
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
