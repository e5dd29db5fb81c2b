"""Segment: one message by path, or many in a batch."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from personalization.ingest import body, clock
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

# The browser library says its paths in one letter.
KINDS: Mapping[str, str] = {
    **{kind: kind for kind in sorted(message.KINDS)},
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
BATCHES = ("batch", "import", "b")
SHARED_BYTES = 8_192


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the events of a body: that of one message, of a batch, or a bare list."""
    value = sent.parsed.value
    batch = value.get("batch") if isinstance(value, dict) else value
    if sent.kind or not isinstance(batch, list):
        return [message.read(value, sent=sent, sent_at=sent_at(value, sent=sent))]
    fallback = sent_at(value, sent=sent)
    shared = _shared(value)
    return [message.read(_in_context(raw, shared), sent=sent, sent_at=fallback) for raw in batch]


def _shared(value: object) -> object:
    """Return what a batch says of all its messages; it counts once for each of them."""
    shared = value.get("context") if isinstance(value, dict) else None
    if shared and body.written_size(shared) > SHARED_BYTES:
        raise body.TooLarge(f"the context of the batch is over {SHARED_BYTES:,} bytes")
    return shared


def _in_context(raw: object, shared: object, /) -> object:
    """Say of a message what its batch says of all: where it happened, and what they allow."""
    if not (shared and isinstance(shared, dict) and isinstance(raw, dict)):
        return raw
    own = raw.get("context")
    return {**raw, "context": {**shared, **own} if isinstance(own, dict) else own or shared}


def sent_at(value: object, *, sent: Sent) -> object:
    """Return when a body says it was sent, or else its header."""
    given = value.get("sentAt") if isinstance(value, dict) else None
    return given if given is not None else _header_time(sent)


def key(value: object) -> str:
    """Return the write key in a body; one behind a mask is none."""
    found: Any = value.get("writeKey") if isinstance(value, dict) else None
    return found if isinstance(found, str) and not found.endswith("***") else ""


def _header_time(sent: Sent) -> str | None:
    given = sent.header("SentAt")
    return (given if clock.read(given) else decoded(given)) or None


def decoded(text: str) -> str:
    """Return a header that was sent as base64, or nothing where it was not."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
