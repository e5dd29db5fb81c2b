"""CloudEvents over HTTP: binary (attributes are headers), structured, and batches."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from personalization.ingest import body
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

_ATTRIBUTES = ("id", "source", "type", "specversion", "time", "subject", "userid", "anonymousid")
_VERSION = re.compile(r"\.v\d+$")
_OWN = ("userId", "anonymousId", "user_id", "anonymous_id")


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the event of a request, or those of a batch."""
    value = sent.parsed.value
    if sent.header("ce-id") or sent.header("ce-specversion"):
        attributes = {name: _header(sent, name) for name in _ATTRIBUTES}
        return [_read({**attributes, "data": value}, sent=sent)]
    events = value if isinstance(value, list) else [value]
    return [_read(each, sent=sent) for each in events]


def _header(sent: Sent, name: str) -> str | None:
    """Return an attribute; what is not ASCII comes percent-encoded."""
    return unquote(sent.header(f"ce-{name}")) or None


def _read(given: object, *, sent: Sent) -> Incoming | Faulty:
    if not isinstance(given, dict):
        return message.read(given, sent=sent)
    data = _data(given)
    found = _message(given, data=data if isinstance(data, dict) else {})
    if lacking := [name for name in ("id", "source", "type") if not given.get(name)]:
        reason = f"{lacking[0]}: is missing: CloudEvents require it"
        return message.faulty(found, reason=reason, sent=sent)
    if not isinstance(data, dict):
        found = {**found, "data": data}
        return message.faulty(found, reason="data: is not a JSON object", sent=sent)
    # What lay inside as base64 was not looked at yet.
    suspect = replace(sent.parsed, is_suspect=True)
    return message.read(found, sent=replace(sent, parsed=suspect))


def _data(given: Mapping[str, Any]) -> object:
    data = given.get("data")
    if data is None and given.get("data_base64") is None:
        return {}
    try:
        if data is None:
            return body.parse_json(base64.b64decode(str(given["data_base64"]))).value
        return body.parse_json(data.encode()).value if isinstance(data, str) else data
    except (binascii.Error, ValueError, body.Unreadable):
        return data


def _message(given: Mapping[str, Any], *, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return it in Segment's form: `data` may be a whole message of it, or the properties."""
    common = {"messageId": _id(given), "timestamp": given.get("time")}
    if str(data.get("type")) in message.KINDS:
        return {**data, **{key: value for key, value in common.items() if value}}
    return {
        **common,
        "type": "track",
        "event": data.get("event") or _name(given.get("type")),
        **_person(given, data=data),
        "properties": {key: value for key, value in data.items() if key not in (*_OWN, "event")},
    }


def _person(given: Mapping[str, Any], *, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return who it is: said in the data, in an extension attribute, or else as the subject."""
    user = data.get("userId") or data.get("user_id") or given.get("userid")
    anonymous = data.get("anonymousId") or data.get("anonymous_id") or given.get("anonymousid")
    nobody = not (user or anonymous)
    return {"userId": given.get("subject") if nobody else user, "anonymousId": anonymous}


def _name(kind: object) -> object:
    """Return the event of a type: without the reversed domain before it and a version behind."""
    if not isinstance(kind, str):
        return kind
    parts = _VERSION.sub("", kind).split(".")
    return ".".join(parts[2:] if len(parts) > 2 else parts)


def _id(given: Mapping[str, Any]) -> str | None:
    """Return what is unique by the standard: an id counts within its source only."""
    if not isinstance(given.get("id"), str) or not given["id"]:
        return None
    both = f"{given.get('source')}#{given['id']}"
    return both if len(both) <= message.LONGEST_ID and both.isprintable() else _hash(both)


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()
