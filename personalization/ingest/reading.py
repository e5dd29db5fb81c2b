"""Read a waiting event: whose it is, what happened, what it says of the person; or what is wrong.

No query: what comes out is checked and cut to what may be kept, and knows no row of ours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from consent.identify import Names
from consent.identity import normalise_email
from personalization.commerce import shaping
from personalization.importing import event_rows, values
from personalization.importing.event_rows import EventRow
from personalization.importing.values import CellError
from personalization.ingest.inbox import Waiting
from personalization.ingest.incoming import Said

# What is stored as an event, under its own name or under this one.
EVENT_TYPES = {"track": "", "page": "Page Viewed", "screen": "Screen Viewed"}
# What only says who somebody is.
PERSON_TYPES = ("identify", "alias", "group")
_TYPES = "track, page, screen, identify, alias or group"
# What an older version, or a hand that mended it, may have left out.
_EMPTY: Mapping[str, Any] = {
    "message_id": "",
    "type": "track",
    "event": "",
    "timestamp": None,
    "subject_id": None,
    "external_id": "",
    "anonymous_id": "",
    "previous_id": "",
    "is_machine": False,
    "properties": {},
    "traits": {},
    "context": {},
    "said": (),
}
# Names of events are counted, listed and kept for ever.
_ADDRESS = re.compile(r"\S(@|%40)\S+\.\S")
_NOBODY = "is missing, and so is anonymous_id: one of them names the customer"


@dataclass(slots=True, eq=False)
class Reading:
    """One event on its way from the inbox; `event` is None for what only says who somebody is."""

    row: Waiting
    type: str
    message_id: str
    occurred_at: datetime
    # A subject of ours, or who the names lead to: 0 until it is known.
    subject_id: int
    # The row they are found by: another one where they were merged, and the events can go back.
    origin_id: int
    names: Names
    event: EventRow | None
    # As it was sent, for its names and types, and for the names of unknown products.
    properties: Mapping[str, Any]
    traits: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[Said, ...] = ()


def read(payload: Mapping[str, Any], *, row: Waiting, now: datetime) -> Reading:
    """Return what a payload tells, or raise the CellError of its first fault."""
    payload = {**_EMPTY, **payload}
    type_ = payload["type"]
    if not isinstance(type_, str) or (type_ not in EVENT_TYPES and type_ not in PERSON_TYPES):
        raise CellError("type", f"{values.shown(type_)} is not {_TYPES}")
    message_id = event_rows.message_id(payload["message_id"])
    occurred_at = event_rows.moment(payload["timestamp"], now=now)
    for part in ("properties", "traits", "context"):
        if not isinstance(payload[part], dict):
            raise CellError(part, "is not a JSON object")
    traits = payload["traits"]
    subject_id = payload["subject_id"] or 0
    event, properties = None, payload["properties"]
    if type_ in EVENT_TYPES:
        name, properties = _shaped(payload, type_=type_)
        event = event_rows.event(
            line=row.pk,
            message_id=message_id,
            name=name,
            person="",
            occurred_at=occurred_at,
            properties=properties,
            context=event_rows.context(payload["context"]),
            is_machine=payload["is_machine"] is True,
        )
    return Reading(
        row=row,
        type=type_,
        message_id=message_id,
        occurred_at=occurred_at,
        subject_id=subject_id,
        origin_id=subject_id,
        names=_nobody if subject_id else _names(payload, traits=traits),
        event=event,
        properties=properties,
        traits=traits,
        said=tuple(Said(**said) for said in payload["said"]),
    )


_nobody = Names()


def address(traits: Mapping[str, Any]) -> str:
    """Return the normalised address a source gives; what is none is left out."""
    given = traits.get("email")
    if not isinstance(given, str) or len(given) > 254:
        return ""
    try:
        return normalise_email(given)
    except ValidationError:
        return ""


def _shaped(payload: Mapping[str, Any], *, type_: str) -> tuple[str, dict[str, Any]]:
    given = event_rows.event_name(payload["event"])
    fixed = EVENT_TYPES[type_]
    if not fixed and not given:
        raise CellError("event", "is missing: the name of what happened, as Order Completed")
    if not fixed and _ADDRESS.search(given):
        raise CellError("event", "holds an address: say what happened; who it was stands elsewhere")
    name, properties = shaping.shape(fixed or given, payload["properties"])
    if fixed and given and given != fixed:
        properties["page_name"] = given
    return event_rows.event_name(name), properties


def _names(payload: Mapping[str, Any], *, traits: Mapping[str, Any]) -> Names:
    names = Names(
        external_id=_id(payload["external_id"], column="external_id"),
        email=address(traits) if traits else "",
        anonymous_id=_id(payload["anonymous_id"], column="anonymous_id"),
        previous_id=_id(payload["previous_id"], column="previous_id"),
    )
    if not (names.external_id or names.email or names.anonymous_id):
        raise CellError("external_id", _NOBODY)
    return names


def _id(value: Any, *, column: str) -> str:
    # Most ids are plain letters and digits, which need no look at each character.
    if type(value) is str and value.isalnum() and len(value) <= 200:
        return value
    return values.text(value, column=column, limit=200)
