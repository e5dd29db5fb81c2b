"""Snowplow tracker protocol 2: flat pairs of text, self-describing JSON inside of them."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from personalization.ingest import body
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Faulty, Incoming

_SHOP = "com.snowplowanalytics.snowplow.ecommerce/"
_ORDER = {"order_id": "tr_id", "total": "tr_tt", "tax": "tr_tx", "shipping": "tr_sh",
          "affiliation": "tr_af", "currency": "tr_cu"}  # fmt: skip
_LINE = {"product_id": "ti_sk", "name": "ti_nm", "category": "ti_ca", "price": "ti_pr",
         "quantity": "ti_qu"}  # fmt: skip
_PAGE = {"url": "url", "title": "page", "referrer": "refr"}
_STRUCTURED = {"category": "se_ca", "label": "se_la", "property": "se_pr", "value": "se_va"}
_SHOP_NAMES = {"transaction": "Order Completed", "refund": "Order Refunded"}

Pairs = Mapping[str, Any]


class _Undescribed(Exception):
    """The JSON inside an event cannot be read; says which field holds it."""


def read(sent: Sent) -> list[Incoming | Faulty]:
    """Return the events of a POST (its `data`) or of a pixel (its query)."""
    given = _events(sent)
    lines = _lines_of_orders(given)
    orders = {str(each.get("tr_id")) for each in given if isinstance(each, dict)}
    return [
        _read(each, sent=sent, lines=lines)
        for each in given
        if not (
            isinstance(each, dict) and each.get("e") == "ti" and str(each.get("ti_id")) in orders
        )
    ]


def key(sent: Sent) -> str:
    """Return the app id, which is where a tracker without any key says the write key."""
    first = next((each for each in _events(sent) if isinstance(each, dict)), {})
    found = first.get("aid")
    return found if isinstance(found, str) else ""


def _events(sent: Sent) -> Sequence[object]:
    if sent.query.get("e"):
        return [dict(sent.query)]
    value = sent.parsed.value
    data = value.get("data") if isinstance(value, dict) else value
    return data if isinstance(data, list) else [value]


def _read(given: object, *, sent: Sent, lines: dict[str, list[Pairs]]) -> Incoming | Faulty:
    if not isinstance(given, dict):
        return message.read(given, sent=sent)
    try:
        name, properties = _happened(given, lines=lines)
    except _Undescribed as fault:
        found = _message(given, name="", properties={})
        return message.faulty(found, reason=str(fault), sent=sent)
    found = _message(given, name=name, properties=properties)
    # What lay inside as base64 was not looked at yet.
    suspect = replace(sent.parsed, is_suspect=True, size=body.UNPACKED_BYTES)
    return message.read(found, sent=replace(sent, parsed=suspect))


def _happened(given: Pairs, *, lines: dict[str, list[Pairs]]) -> tuple[object, Pairs]:
    kind = given.get("e")
    if kind == "ue":
        return _described(given)
    if kind == "se":
        return given.get("se_ac"), _renamed(given, _STRUCTURED)
    if kind == "tr":
        # Taken away: an order that stands there a thousand times would gather a million lines.
        products = [_renamed(line, _LINE) for line in lines.pop(str(given.get("tr_id")), [])]
        return "Order Completed", {**_renamed(given, _ORDER), "products": products}
    if kind == "ti":
        return "Transaction Item", {"order_id": given.get("ti_id"), **_renamed(given, _LINE)}
    return {"pp": "Page Ping", "pv": "Page Viewed"}.get(str(kind)), {}


def _described(given: Pairs) -> tuple[object, Pairs]:
    inner = _json(given, "ue").get("data")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    data = inner.get("data") if isinstance(inner, dict) else None
    if not isinstance(schema, str) or not isinstance(data, dict):
        raise _Undescribed("ue_px: holds no schema and data of an event")
    path = schema.removeprefix("iglu:")
    if path.startswith(_SHOP):
        return _of_a_shop(data, entities=_json(given, "c").get("data"))
    return [*path.split("/"), ""][1], data


def _of_a_shop(data: Pairs, *, entities: object) -> tuple[object, Pairs]:
    """Read an action of the e-commerce plugin: what it is about hangs beside it as entities."""
    products, more = [], dict(data)
    for entity in entities if isinstance(entities, list) else []:
        schema, held = (
            (entity.get("schema"), entity.get("data")) if isinstance(entity, dict) else ("", 0)
        )
        if not isinstance(schema, str) or not isinstance(held, dict):
            continue
        if f"{_SHOP}product/" in schema:
            products.append({**held, "product_id": held.get("id")})
        elif f"{_SHOP}transaction/" in schema or f"{_SHOP}refund/" in schema:
            more |= {
                **held,
                "order_id": held.get("transaction_id"),
                "total": held.get("revenue", held.get("refund_amount")),
            }
    name = more.pop("type", None)
    return _SHOP_NAMES.get(str(name), name), {**more, "products": products} if products else more


def _json(given: Pairs, name: str) -> dict[str, Any]:
    """Return the JSON of `ue_px` or `cx` (base64), or of `ue_pr` or `co` (plain)."""
    packed, plain = {"ue": ("ue_px", "ue_pr"), "c": ("cx", "co")}[name]
    if not given.get(packed) and not given.get(plain):
        return {}
    try:
        text = _unpacked(given[packed]) if given.get(packed) else str(given[plain]).encode()
        value = body.parse_json(text).value
    except (binascii.Error, ValueError, body.Unreadable):
        raise _Undescribed(f"{packed}: is not JSON in base64") from None
    return value if isinstance(value, dict) else {}


def _unpacked(text: object) -> bytes:
    bare = str(text).rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_")


def _message(given: Pairs, *, name: object, properties: Pairs) -> dict[str, Any]:
    return {
        "type": "page" if given.get("e") == "pv" else "track",
        "messageId": given.get("eid"),
        "event": name,
        "userId": given.get("uid"),
        "anonymousId": given.get("duid") or given.get("nuid") or given.get("tnuid"),
        "timestamp": given.get("ttm") or given.get("dtm"),
        # A true timestamp was set by the caller; the device's clock has no part in it.
        "sentAt": None if given.get("ttm") else given.get("stm"),
        "properties": properties,
        "context": {
            "page": _renamed(given, _PAGE),
            "library": {"name": "snowplow", "version": given.get("tv")},
            "locale": given.get("lang"),
            "timezone": given.get("tz"),
            "userAgent": given.get("ua"),
            "ip": given.get("ip"),
        },
    }  # fmt: skip


def _lines_of_orders(given: Sequence[object]) -> dict[str, list[Pairs]]:
    found: dict[str, list[Pairs]] = {}
    for each in given:
        if isinstance(each, dict) and each.get("e") == "ti":
            found.setdefault(str(each.get("ti_id")), []).append(each)
    return found


def _renamed(given: Pairs, names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: given[theirs] for ours, theirs in names.items() if given.get(theirs) is not None}
