"""Take events out of quarantine: mended by hand and put back under their id, or thrown away."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from consent import audit, identity
from personalization.importing.values import CellError
from personalization.ingest import body, callers, inbox, reading
from personalization.ingest.body import Parsed
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.inbox import Waiting
from personalization.ingest.incoming import Faulty, Incoming
from personalization.models import InboxEvent

Payload = dict[str, Any]
# Both stand for a person of ours who needs no other name.
_KNOWN = "known"


class StillFaulty(Exception):
    """What somebody wrote cannot be read either; says why."""


class Unopenable(Exception):
    """A payload whose seal is broken: nobody can read it any more, it can only be discarded."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many went back to the inbox, and how many need mending first."""

    put_back: int
    still_faulty: int


def message_of(row: InboxEvent) -> object:
    """Return a quarantined event in Segment's form, in clear: what the fix form shows."""
    payload = _open(row)
    return payload["raw"] if _is_faulty(payload) else _as_message(payload)


@transaction.atomic
def mend(row_id: int, *, written: object, actor: AbstractBaseUser) -> None:
    """Put an event back as somebody wrote it, under the id it came with."""
    rows = _quarantined(InboxEvent.objects.filter(pk=row_id)).select_related("source")
    row = rows.select_for_update(of=("self",)).get()
    event = _read(written, row=row, payload=_open(row))
    _seal(row, event=event)
    row.save(update_fields=["payload", "quarantined_at", "reason"])
    audit.note("inbox.mend", actor=actor, target=row)


@transaction.atomic
def replay(chosen: "QuerySet[InboxEvent]", *, actor: AbstractBaseUser) -> Replayed:
    """Put events back as they are, once what was wrong is mended elsewhere.

    An event that never was one stays where it is, unless it can be read now.
    """
    put_back, mended, faulty = [], [], 0
    rows = _quarantined(chosen).defer(None).select_related("source")
    for row in rows.select_for_update(of=("self",)):
        try:
            if _is_read_now(row):
                mended.append(row)
            put_back.append(row.pk)
        except (StillFaulty, Unopenable):
            faulty += 1
    InboxEvent.objects.bulk_update(mended, ["payload"], batch_size=500)
    InboxEvent.objects.filter(pk__in=put_back).update(quarantined_at=None, reason="")
    if put_back:
        audit.note("inbox.replay", actor=actor, detail={"count": len(put_back)})
    return Replayed(put_back=len(put_back), still_faulty=faulty)


@transaction.atomic
def discard(chosen: "QuerySet[InboxEvent]", *, actor: AbstractBaseUser) -> int:
    """Throw quarantined events away; what only waits for a worker cannot be."""
    ids = list(_quarantined(chosen).values_list("pk", flat=True))
    deleted, _ = _quarantined(InboxEvent.objects.filter(pk__in=ids)).delete()
    if deleted:
        audit.note("inbox.discard", actor=actor, detail={"count": deleted})
    return deleted


def _quarantined(rows: "QuerySet[InboxEvent]") -> "QuerySet[InboxEvent]":
    return rows.exclude(quarantined_at=None)


def _open(row: InboxEvent) -> Payload:
    try:
        return inbox.open_payload(row.payload, message_id=row.message_id)
    except identity.SealBroken as broken:
        raise Unopenable("its bytes were changed, or it was moved here") from broken


def _is_faulty(payload: Mapping[str, Any]) -> bool:
    return "raw" in payload


def _is_read_now(row: InboxEvent) -> bool:
    """Read an event that was none; say whether its payload is another one now."""
    payload = _open(row)
    if not _is_faulty(payload):
        return False
    _seal(row, event=_read(payload["raw"], row=row, payload=payload))
    return True


def _seal(row: InboxEvent, *, event: Incoming) -> None:
    row.payload = inbox.seal(orjson.dumps(event), message_id=row.message_id)
    row.quarantined_at, row.reason = None, ""


def _read(written: object, *, row: InboxEvent, payload: Payload) -> Incoming:
    """Read what was written as the collector would have when the event came in."""
    is_ours = payload.get("subject_id") is not None
    if is_ours and isinstance(written, dict):
        written = {**written, "userId": _KNOWN}
    sent = Sent(
        parsed=Parsed(written, size=body.written_size(written), is_suspect=True),
        received_at=row.received_at,
        categories=callers.categories(row.source),
    )
    found = message.read(written, sent=sent)
    if isinstance(found, Faulty):
        raise StillFaulty(found.reason)
    event = _completed(found, row=row, payload=payload)
    _check(event, row=row)
    return event


def _check(event: Incoming, *, row: InboxEvent) -> None:
    """Ask the worker's own reading, so that nobody mends an event twice."""
    waiting = Waiting(row.pk, row.message_id, b"", row.received_at)
    try:
        reading.read(orjson.loads(orjson.dumps(event)), row=waiting, now=row.received_at)
    except CellError as fault:
        raise StillFaulty(str(fault).removeprefix(": ")) from None


def _completed(event: Incoming, *, row: InboxEvent, payload: Payload) -> Incoming:
    """Give back what no form shows: the id it came with, whose it is, where it happened."""
    event = replace(event, message_id=row.message_id)
    if _is_faulty(payload):
        return event
    is_ours = payload["subject_id"] is not None
    return replace(
        event,
        subject_id=payload["subject_id"],
        external_id="" if is_ours else event.external_id,
        is_machine=payload["is_machine"],
        context=payload["context"],
        said=tuple(payload["said"]),
    )


def _as_message(payload: Payload) -> dict[str, object]:
    """Write an event of ours in Segment's form, without what is empty."""
    kind, properties = payload["type"], dict(payload["properties"])
    found = {
        "type": kind,
        "event": payload["event"] if kind == "track" else "",
        "userId": payload["external_id"],
        "anonymousId": payload["anonymous_id"],
        "previousId": payload["previous_id"],
        "groupId": properties.pop("group_id", "") if kind == "group" else "",
        "timestamp": payload["timestamp"],
        "properties": properties if kind != "group" else {},
        "traits": properties if kind == "group" else payload["traits"],
    }
    return {key: value for key, value in found.items() if value}
