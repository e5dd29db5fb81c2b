"""Read an event from the address of a pixel: for places where no script runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from personalization.ingest.body import Parsed
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

# What says who and what; everything else in the address is a property.
NAMES: Final[Mapping[str, str]] = {
    "event": "event",
    "userId": "userId",
    "external_id": "userId",
    "anonymousId": "anonymousId",
    "anonymous_id": "anonymousId",
    "messageId": "messageId",
    "message_id": "messageId",
    "timestamp": "timestamp",
}
KEYS: Final = ("key", "writeKey", "write_key")


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the one event; without the name of an event it is a page that was seen."""
    query = sent.query
    said: dict[str, object] = {NAMES[name]: query[name] for name in NAMES if query.get(name)}
    said["type"] = "track" if "event" in said else "page"
    said["properties"] = {
        name: value for name, value in query.items() if name not in NAMES and name not in KEYS
    }
    # An address can hold what no text may, as %00.
    parsed = Parsed(said, size=sum(map(len, query.values())), is_suspect=True)
    return [message.read(said, sent=replace(sent, parsed=parsed))]


def key(sent: Sent) -> str:
    """Return the write key of an address, or nothing."""
    return next((sent.query[name] for name in KEYS if sent.query.get(name)), "")
