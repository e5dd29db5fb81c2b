"""What the tests of the collector share: a source, requests that SDKs sent, and what waits."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from django.test import Client

from personalization.ingest import body, callers, inbox
from personalization.ingest.dialects.sent import Sent
from personalization.models import InboxEvent, Source
from tests.personalization.sdk import recorder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = recorder.KEY
_BODY_HEADERS = ("content-type", "content-length", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as an SDK sent it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def recorded(name: str) -> list[Request]:
    path = Path(recorder.FOLDER, f"{name}.json")
    return [
        Request(each["method"], each["path"], each["headers"], base64.b64decode(each["body"]))
        for each in json.loads(path.read_text())
    ]


def names_of_recordings() -> list[str]:
    return sorted(path.stem for path in recorder.FOLDER.glob("*.json"))


def source(key: str = KEY, **given: Any) -> Source:
    callers.forget()
    values = {"slug": "website", "name": "Website", "kind": Source.Kind.COLLECTOR, **given}
    return Source.objects.create(write_key=key, **values)


def send(request: Request) -> Any:
    """Send a recorded request as it was, body and headers."""
    given = {k: v for k, v in request.headers.items() if k.lower() not in _BODY_HEADERS}
    kind = next((v for k, v in request.headers.items() if k.lower() == "content-type"), "")
    return Client().generic(
        request.method, request.path, request.body, content_type=kind, headers=given
    )


def post(path: str, content: object, *, key: str = KEY, **headers: str) -> Any:
    """Post JSON (or bytes as they are) with the key as Segment's clients give it."""
    raw = content if isinstance(content, bytes) else orjson.dumps(content)
    basic = base64.b64encode(f"{key}:".encode()).decode()
    given = {**({"Authorization": f"Basic {basic}"} if key else {}), **headers}
    return send(Request("POST", path, given, raw))


def sent(value: object, **given: Any) -> Sent:
    """A request with this body, as a dialect sees it."""
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return Sent(parsed=body.parse(raw), received_at=NOW, **given)


def waiting() -> list[dict[str, Any]]:
    """What was accepted, in the order it came."""
    return [_opened(row) for row in InboxEvent.objects.filter(quarantined_at=None).order_by("id")]


def quarantined() -> list[str]:
    """Why events stand apart, in the order they came."""
    rows = InboxEvent.objects.exclude(quarantined_at=None).order_by("id")
    return list(rows.values_list("reason", flat=True))


def _opened(row: InboxEvent) -> dict[str, Any]:
    return inbox.open_payload(row.payload, message_id=row.message_id)


def brief(events: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Type, name and person of each event."""
    return [(e["type"], e["event"], e["external_id"] or e["anonymous_id"]) for e in events]


def track(message_id: str = "m1", **given: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "userId": "C-1",
            "messageId": message_id, **given}  # fmt: skip
