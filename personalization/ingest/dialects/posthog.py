"""PostHog: events of a `distinct_id`, which is a person's or a device's, with `$` properties."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

_KINDS = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}
_CAMPAIGN = {"source": "utm_source", "medium": "utm_medium", "name": "utm_campaign",
             "term": "utm_term", "content": "utm_content"}  # fmt: skip

_HAPPENED = ("track", "page", "screen")
_CUT = message.LONGEST_ID - len("-set")

Given = Mapping[str, Any]


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the events of a batch, of a bare list or of one event."""
    value = sent.parsed.value
    batch = value.get("batch") if isinstance(value, dict) else value
    fallback = value.get("sent_at", value.get("sentAt")) if isinstance(value, dict) else None
    events = batch if isinstance(batch, list) else [value]
    return [each for given in events for each in _read(given, sent=sent, sent_at=fallback)]


def key(value: object) -> str:
    """Return the project key in a body: beside the batch, or in its first event."""
    if isinstance(value, list):
        return key(value[0]) if value else ""
    if not isinstance(value, dict):
        return ""
    properties = value.get("properties")
    places: list[Given] = [value, properties if isinstance(properties, dict) else {}]
    found = [place.get(name) for place in places for name in ("api_key", "token")]
    return next((each for each in found if isinstance(each, str)), "")


def _read(given: object, *, sent: Sent, sent_at: object) -> Iterator[Incoming | Faulty]:
    """Yield the event and, where it says something of its person, that as well."""
    if not isinstance(given, dict) or not isinstance(given.get("properties", {}), dict | None):
        yield message.read(given, sent=sent, sent_at=sent_at)
        return
    event = message.read(_message(given, sent=sent), sent=sent, sent_at=sent_at)
    yield event
    if isinstance(event, Incoming) and event.type in _HAPPENED:
        # What begins with $ the client says of the browser, with every event.
        told = {name: value for name, value in event.traits.items() if name[:1] != "$"}
        if told:
            yield _identify(event, traits=told)


def _identify(event: Incoming, *, traits: dict[str, Any]) -> Incoming:
    message_id = f"{event.message_id[:_CUT]}-set"
    return replace(
        event, type="identify", event="", message_id=message_id, properties={}, traits=traits
    )


def _message(given: Given, *, sent: Sent) -> dict[str, Any]:
    properties: dict[str, Any] = given.get("properties") or {}
    name = given.get("event")
    kind = _KINDS.get(name, "track") if isinstance(name, str) else "track"
    traits = {**_set(given, properties, "$set_once"), **_set(given, properties, "$set")}
    found = {
        "type": kind,
        "messageId": given.get("uuid") or properties.get("$insert_id"),
        "event": name,
        "timestamp": _time(given, sent=sent),
        "properties": {k: v for k, v in properties.items() if k[:1] != "$" and k != "token"},
        "traits": traits,
        "context": _context(properties),
    }
    return {**found, **_people(given, properties, kind=kind)}


def _people(given: Given, properties: Given, *, kind: str) -> dict[str, Any]:
    distinct = given.get("distinct_id", properties.get("distinct_id"))
    if kind == "alias":
        return {
            "previousId": properties.get("distinct_id", distinct),
            "userId": properties.get("alias"),
            "properties": {},
        }
    if kind == "group":
        traits = properties.get("$group_set")
        return {"anonymousId": distinct, "groupId": properties.get("$group_key"), "traits": traits}
    if kind == "identify":
        return {"userId": distinct, "anonymousId": properties.get("$anon_distinct_id")}
    return {"anonymousId" if _is_device(distinct, properties) else "userId": distinct}


def _is_device(distinct: object, properties: Given) -> bool:
    """Say whether an id is only a device's: nobody has said yet who it is."""
    device = properties.get("$device_id")
    return (
        properties.get("$is_identified") is False
        or properties.get("$process_person_profile") is False
        or (device is not None and device == distinct)
    )


def _set(given: Given, properties: Given, name: str) -> dict[str, Any]:
    found = properties.get(name, given.get(name))
    return found if isinstance(found, dict) else {}


def _time(given: Given, *, sent: Sent) -> object:
    """Return when it happened; older clients say by how many milliseconds it lies back."""
    offset = given.get("offset")
    if given.get("timestamp") is None and isinstance(offset, int | float) and 0 <= offset < 1e12:
        return _back(sent.received_at, milliseconds=float(offset))
    return given.get("timestamp")


def _back(at: datetime, *, milliseconds: float) -> str:
    return (at - timedelta(milliseconds=milliseconds)).isoformat()


def _context(properties: Given) -> dict[str, Any]:
    page = {
        "url": properties.get("$current_url"),
        "path": properties.get("$pathname"),
        "title": properties.get("title"),
        "referrer": properties.get("$referrer"),
    }
    return {
        "page": page,
        "campaign": {name: properties.get(key) for name, key in _CAMPAIGN.items()},
        "library": {"name": properties.get("$lib"), "version": properties.get("$lib_version")},
        "locale": properties.get("$browser_language"),
        "timezone": properties.get("$timezone"),
        "userAgent": properties.get("$raw_user_agent"),
        "ip": properties.get("$ip"),
        "consent": properties.get("consent"),
    }
