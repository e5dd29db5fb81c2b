"""Make one message in Segment's form an event, or say why it is none."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from personalization.importing import values
from personalization.importing.values import CellError
from personalization.ingest import body, clock, consent_carried
from personalization.ingest.dialects import context as contexts
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

KINDS = frozenset(("track", "page", "screen", "identify", "alias", "group"))
MOST_PROPERTIES = 200
LONGEST_ID = 200
_BACKDATED = timedelta(hours=1)
_VIEWED = {"page": "Page Viewed", "screen": "Screen Viewed"}
# Keys of ours or of their sender's plumbing: nobody has to keep them to mend an event.
_PLUMBING = frozenset(("writeKey", "integrations", "_metadata"))
# What an event tells beside who it was, when, and what they allow.
_TOLD = frozenset(("properties", "traits", "name", "category"))

Message = Mapping[str, Any]


def read(raw: object, *, sent: Sent, sent_at: object = None) -> Incoming | Faulty:
    """Return the event; `sent_at` counts where the message does not say when it was sent."""
    try:
        return _event(_sound(raw, sent=sent), sent=sent, sent_at=sent_at)
    except CellError as fault:
        return faulty(raw, reason=str(fault).removeprefix(": "), sent=sent, sent_at=sent_at)


def faulty(raw: object, *, reason: str, sent: Sent, sent_at: object = None) -> Faulty:
    """Set something apart; whole addresses and keys stay out of what is kept."""
    message_id = raw.get("messageId") if isinstance(raw, dict) else ""
    return Faulty(
        message_id=str(message_id) if _is_id(message_id) else "",
        reason=reason,
        raw=_kept(raw, sent=sent, sent_at=sent_at),
    )


def _sound(raw: object, *, sent: Sent) -> Message:
    if not isinstance(raw, dict):
        raise CellError("", "the event is not a JSON object")
    if sent.parsed.is_suspect and (flaw := body.flaw(raw)):
        raise CellError("", f"the event {flaw}")
    # A body that is small as a whole holds no large event.
    if sent.parsed.size > body.EVENT_BYTES:
        size = body.written_size(raw)
        if size > body.EVENT_BYTES:
            raise CellError("", f"the event is {size:,} bytes long; {body.EVENT_BYTES:,} may be")
    return raw


def _event(raw: Message, *, sent: Sent, sent_at: object) -> Incoming:
    kind = _kind(raw, sent=sent)
    context = _object(raw, "context")
    original = _original(raw)
    sent_moment = _moment(raw, "sentAt") or clock.read(sent_at)
    happened = clock.corrected(original, sent=sent_moment, received_at=sent.received_at)
    external_id, anonymous_id = _person(raw)
    kept = contexts.reduced(context, network=sent.network, agent=sent.agent)
    return Incoming(
        message_id=_message_id(raw),
        type=kind,
        event=_name(raw, kind=kind),
        timestamp=happened,
        properties=_properties(raw, kind=kind),
        traits=_traits(raw, kind=kind, context=context),
        context={
            **kept,
            **_times(original, sent_moment, happened=happened, received_at=sent.received_at),
        },
        is_machine=kept.get("browser") == contexts.BOT,
        said=consent_carried.said(context, gpc=sent.has_gpc, categories=sent.categories),
        external_id=external_id,
        anonymous_id=anonymous_id,
        previous_id=_id(raw, "previousId") if kind == "alias" else "",
    )


def _kind(raw: Message, *, sent: Sent) -> str:
    kind = sent.kind or raw.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        what = values.shown(kind) if isinstance(kind, str) else "missing"
        raise CellError("type", f"is {what}: write one of {', '.join(sorted(KINDS))}")
    return kind


def _message_id(raw: Message) -> str:
    given = raw.get("messageId")
    if _is_id(given):
        return str(given)
    # Two arrivals of an event that has no id cannot be told from two events.
    found = values.text(given, column="messageId", limit=LONGEST_ID)
    return found or f"unnamed-{uuid.uuid4()}"


def _is_id(value: object) -> bool:
    return (
        type(value) is str
        and len(value) <= LONGEST_ID
        and value.isprintable()
        and bool(value.strip())
        and value.strip() == value
    )


def _name(raw: Message, *, kind: str) -> str:
    if kind != "track":
        return _VIEWED.get(kind, "")
    why = "the name of what happened, as Product Viewed"
    return values.required(raw.get("event"), column="event", limit=120, why=why)


def _person(raw: Message) -> tuple[str, str]:
    user, anonymous = _id(raw, "userId"), _id(raw, "anonymousId")
    if not (user or anonymous):
        raise CellError("", "the event names nobody: userId or anonymousId has to be there")
    return user, anonymous


def _id(raw: Message, key: str) -> str:
    given = raw.get(key)
    return str(given) if _is_id(given) else values.text(given, column=key, limit=LONGEST_ID)


def _properties(raw: Message, *, kind: str) -> dict[str, object]:
    properties = _object(raw, "properties")
    if kind == "group":
        # Whose these are is a company, not a person.
        return {**_object(raw, "traits"), "group_id": _id(raw, "groupId")}
    if kind in _VIEWED:
        named = {f"{kind}_name": raw.get("name"), f"{kind}_category": raw.get("category")}
        more = {key: value for key, value in named.items() if isinstance(value, str) and value}
        return {**contexts.of_a_page(properties), **more}
    return properties


def _traits(raw: Message, *, kind: str, context: Message) -> dict[str, object]:
    """Return what is said of the person: some clients say it in the context only."""
    if kind == "group":
        return {}
    traits = _object(raw, "traits")
    return {**_object(context, "traits"), **traits} if kind == "identify" else traits


def _object(raw: Message, key: str) -> dict[str, Any]:
    given = raw.get(key)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise CellError(key, "is not a JSON object")
    if len(given) > MOST_PROPERTIES:
        raise CellError(key, f"holds {len(given)} entries; {MOST_PROPERTIES} may be")
    return given


def _moment(raw: Message, key: str) -> datetime | None:
    given = raw.get(key)
    if given is None or given == "":
        return None
    found = clock.read(given)
    if found is None:
        raise CellError(key, "is not a time: write ISO 8601, 2026-11-23T10:00:00Z")
    return found


def _original(raw: Message) -> datetime | None:
    """Return when it happened by the sender's clock.

    Where both times are there, `originalTimestamp` is when the client was called; a `timestamp`
    long before it was set by hand, for something that is past.
    """
    called, given = _moment(raw, "originalTimestamp"), _moment(raw, "timestamp")
    if called and given and called - given > _BACKDATED:
        return given
    return called or given


def _times(
    original: datetime | None, sent: datetime | None, *, happened: datetime, received_at: datetime
) -> dict[str, object]:
    times = {"original_at": original, "sent_at": sent}
    found: dict[str, object] = {k: at.isoformat() for k, at in times.items() if at is not None}
    found["lag"] = round((received_at - happened).total_seconds())
    return found


def _kept(raw: object, *, sent: Sent, sent_at: object) -> object:
    """Return a faulty message so that it can be mended and read again."""
    if not isinstance(raw, dict):
        return _cut(raw)
    is_refused = _is_refused(raw, sent=sent)
    left_out = _PLUMBING | _TOLD if is_refused else _PLUMBING
    kept: dict[str, Any] = {key: value for key, value in raw.items() if key not in left_out}
    if sent.kind:
        kept["type"] = sent.kind
    if sent_at is not None:
        kept.setdefault("sentAt", sent_at)
    context = kept.get("context")
    if isinstance(context, dict):
        kept["context"] = {
            key: value
            for key, value in context.items()
            if key in consent_carried.KEYS or not (is_refused or key == "ip")
        }
    if sent.has_gpc and isinstance(context, dict | None):
        # It was a header: whoever mends the event may not lose what its person refused.
        kept["context"] = {**(kept.get("context") or {}), "gpc": True}
    return _cut(kept)


def _is_refused(raw: Message, *, sent: Sent) -> bool:
    """Say whether its own consent forbids to keep what it tells, as of an event without faults.

    A nameless one may be an order, which is kept by contract.
    """
    kind = sent.kind or raw.get("type")
    name = raw.get("event") if kind == "track" else _VIEWED.get(str(kind))
    if not isinstance(name, str) or not name:
        return False
    context = raw.get("context")
    given = context if isinstance(context, dict) else {}
    said = consent_carried.said(given, gpc=sent.has_gpc, categories=sent.categories)
    return consent_carried.refuses(name, said=said)


def _cut(value: object) -> object:
    """Keep the names only of what is longer than an event may be."""
    if body.written_size(value) <= 2 * body.EVENT_BYTES:
        return body.storable(value)
    keys = [*value][:MOST_PROPERTIES] if isinstance(value, dict) else []
    return {"too_long_to_keep": True, "keys": body.storable([str(key)[:100] for key in keys])}
