"""Jitsu: Segment's form, one message a request; its key is written `keyId:secret`."""

from dataclasses import replace

from personalization.ingest.dialects import message, segment
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the events; a path that names no type of ours leaves it to the message."""
    kind = sent.kind if sent.kind in message.KINDS else ""
    return segment.read(replace(sent, kind=kind))


def secret(key: str) -> str:
    """Return the part of a key that is our write key."""
    return key.rpartition(":")[2]
