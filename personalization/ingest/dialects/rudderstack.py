"""RudderStack: Segment's form; the browser library says time and anonymous id in headers, too."""

from dataclasses import replace

from personalization.ingest.dialects import segment
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the events; a header's anonymous id counts for messages that name nobody."""
    anonymous_id = segment.decoded(sent.header("AnonymousId"))
    if not anonymous_id:
        return segment.read(sent)
    named = _named(sent.parsed.value, anonymous_id=anonymous_id)
    return segment.read(replace(sent, parsed=replace(sent.parsed, value=named)))


def _named(value: object, *, anonymous_id: str) -> object:
    if isinstance(value, list):
        return [_named(each, anonymous_id=anonymous_id) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("batch"), list):
        return {**value, "batch": _named(value["batch"], anonymous_id=anonymous_id)}
    if value.get("userId") or value.get("anonymousId"):
        return value
    return {**value, "anonymousId": anonymous_id}
