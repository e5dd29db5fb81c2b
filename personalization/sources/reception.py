"""The door for webhooks: which source a request is for, whether it is genuine, stored once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import orjson
from django.db import transaction

from personalization.importing.values import CellError
from personalization.models import Source
from personalization.sources import deliveries, generic, secrets, signatures
from personalization.sources.reading import Node, parse

LARGEST_BYTES = 5_000_000
MOST_ELEMENTS = 1_000
_PING = re.compile(rb"webhook_id=\d{1,20}")

Kind = Source.Kind


@dataclass(frozen=True, slots=True)
class Request:
    """What a door hands in. `headers` know no upper and lower case; `urls` are the addresses by
    which the sender may have called us: the public one and, without a proxy, the request's own."""

    method: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    urls: tuple[str, ...]
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender gets to read; `is_new` says that there is work."""

    status: int
    text: Mapping[str, object]
    is_new: bool = False


# One answer for whatever is wrong, so that nobody learns which sources there are.
REFUSED = Answer(
    401,
    {
        "error": "unauthorized",
        "detail": "No active source with this signature. Check the secret, the address with its "
        "?source=, and that the clock of the sender is right to five minutes.",
    },
)
TOO_LARGE = Answer(
    413,
    {"error": "too_large", "detail": f"A webhook may have up to {LARGEST_BYTES:,} bytes."},
)
PONG = Answer(200, {"status": "pong"})


def from_shopify(request: Request, *, now: datetime) -> Answer:
    """Take a delivery of Shopify; its newer event product leaves out the X- of the headers."""
    source = _chosen(
        Kind.SHOPIFY, request, key="shop_domain", value=_of_shopify(request, "Shop-Domain")
    )
    given = _of_shopify(request, "Hmac-Sha256")
    if source is None or not _is_signed(source, request, given=given, now=now):
        return REFUSED
    id_ = _of_shopify(request, "Webhook-Id") or _of_shopify(request, "Event-Id")
    topic = _of_shopify(request, "Topic").lower()
    return _store(source, [(id_, topic, request.body)], now=now)


def from_woocommerce(request: Request, *, now: datetime) -> Answer:
    """Take a delivery of WooCommerce; the unsigned ping of a new webhook gets its answer."""
    if _PING.fullmatch(request.body.strip()):
        return PONG
    site = request.headers.get("X-WC-Webhook-Source", "")
    source = _chosen(Kind.WOOCOMMERCE, request, key="site", value=site)
    given = request.headers.get("X-WC-Webhook-Signature", "")
    if source is None or not _is_signed(source, request, given=given, now=now):
        return REFUSED
    id_ = request.headers.get("X-WC-Webhook-Delivery-ID", "")
    topic = request.headers.get("X-WC-Webhook-Topic", "").lower()
    return _store(source, [(id_, topic, request.body)], now=now)


def from_hubspot(request: Request, *, now: datetime) -> Answer:
    """Take a notification of HubSpot: up to a hundred events, each stored for itself."""
    source = _chosen(Kind.HUBSPOT, request) or (None if request.asked else _only(Kind.HUBSPOT))
    if source is None or not signatures.is_signed_by_hubspot(
        request.body,
        method=request.method,
        urls=request.urls,
        timestamp=request.headers.get("X-HubSpot-Request-Timestamp", ""),
        given=request.headers.get("X-HubSpot-Signature-v3", ""),
        secrets=secrets.holding(source, now=now),
        now=now,
    ):
        return REFUSED
    return _store(source, list(_elements(request.body)), now=now)


def from_anybody(request: Request, *, now: datetime) -> Answer:
    """Take a Standard Webhook of the source that the address names."""
    source = _chosen(Kind.GENERIC, request)
    id_ = request.headers.get("webhook-id", "")
    if source is None or not signatures.is_signed_by_standard(
        request.body,
        message_id=id_,
        timestamp=request.headers.get("webhook-timestamp", ""),
        given=request.headers.get("webhook-signature", ""),
        keys=[secrets.standard_key(each) for each in secrets.holding(source, now=now)],
        now=now,
    ):
        return REFUSED
    return _store(source, [(id_, _topic(source, request.body), request.body)], now=now)


def _of_shopify(request: Request, name: str, /) -> str:
    return request.headers.get(f"X-Shopify-{name}") or request.headers.get(f"Shopify-{name}") or ""


def _chosen(kind: str, request: Request, /, *, key: str = "", value: str = "") -> Source | None:
    """Return the source a request asks for by name, or the one whose mapping knows the sender."""
    active = Source.objects.filter(kind=kind, is_active=True)
    if request.asked:
        # No column holds a NUL, and the database refuses to look for one.
        return active.filter(slug=request.asked).first() if request.asked.isprintable() else None
    if not value:
        return None
    same = [each for each in active if _is_same(each.mapping.get(key), value)]
    return same[0] if len(same) == 1 else None


def _is_same(known: object, given: str, /) -> bool:
    return isinstance(known, str) and known.strip("/ ").lower() == given.strip("/ ").lower()


def _only(kind: str) -> Source | None:
    found = list(Source.objects.filter(kind=kind, is_active=True)[:2])
    return found[0] if len(found) == 1 else None


def _is_signed(source: Source, request: Request, /, *, given: str, now: datetime) -> bool:
    kept = secrets.holding(source, now=now)
    return signatures.is_signed(request.body, given=given, secrets=kept)


@transaction.atomic
def _store(source: Source, parts: list[tuple[str, str, bytes]], *, now: datetime) -> Answer:
    """Store each part once; a sender that gives no delivery id is known by what it sent."""
    fresh = [
        deliveries.take(
            source,
            delivery_id=_known_by(id_) or sha256(topic.encode() + body).hexdigest(),
            topic=_printable(topic),
            body=body,
            now=now,
        )
        for id_, topic, body in parts
    ]
    status = "accepted" if any(fresh) else "repeated"
    return Answer(200, {"status": status, "stored": sum(fresh)}, is_new=any(fresh))


def _elements(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Part a notification into its events; what is no list of them is kept whole, and will fail."""
    try:
        found = parse(body).value
    except CellError:
        found = None
    if not isinstance(found, list) or len(found) > MOST_ELEMENTS:
        yield "", "", body
        return
    for element in found:
        node = Node(element)
        topic = element.get("subscriptionType") if isinstance(element, dict) else ""
        yield _event_id(node), str(topic or ""), orjson.dumps(element)


def _event_id(element: Node) -> str:
    """Name an event of HubSpot: its eventId alone is not promised to be unique."""
    parts = [element[key].value for key in ("eventId", "subscriptionId", "occurredAt")]
    return "-".join(map(str, parts)) if all(type(part) is int for part in parts) else ""


def _topic(source: Source, body: bytes, /) -> str:
    try:
        return generic.topic_of(parse(body), mapping=source.mapping)
    except CellError:
        return ""


def _known_by(id_: str) -> str:
    """Return an id that can be kept whole: cut, two deliveries could look like one."""
    return _printable(id_) if len(id_) <= deliveries.LONGEST_ID else ""


def _printable(text: str) -> str:
    return text if text.isprintable() else ""
