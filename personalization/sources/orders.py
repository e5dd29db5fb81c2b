"""Take in orders: which events the difference to what was told before amounts to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import orjson

from personalization.ingest.incoming import Incoming
from personalization.models import Source
from personalization.sources import objects, people
from personalization.sources.customers import OLDER
from personalization.sources.news import Line, OrderGone, OrderNews, Refund
from personalization.sources.objects import Known

NOT_PLACED = "the order is not placed yet: nobody has paid or promised to"
UNKNOWN = "the order is not known here"
NOT_PAID = "no money was given back yet"


class NotYet(Exception):
    """Something that another delivery has to tell first; it is tried again."""


@dataclass(frozen=True, slots=True)
class Told:
    """Events to be accepted, or the reason why there are none."""

    events: tuple[Incoming, ...] = ()
    reason: str = ""


def take(news: OrderNews, *, source: Source, now: datetime) -> Told:
    """Return what is new about an order: placed, changed, refunded, cancelled.

    An order is told as `Order Completed` once, by whichever delivery comes first.
    """
    known = objects.known(objects.ORDER, news.order_id, source=source)
    if known.is_newer_than(news.told_at):
        return Told(reason=OLDER)
    is_placed = bool(known.state.get("placed"))
    if not (news.is_placed or is_placed):
        return Told(reason=NOT_PLACED)
    subject_id = people.made(news.who, source=source, now=now)
    properties = properties_of(news)
    content = _hash(properties)
    events = list(_events(news, known=known, properties=properties, content=content))
    if news.who.anonymous_id and news.who.external_id:
        events.insert(0, linked(news.who.anonymous_id, news.who.external_id, at=news.placed_at))
    whole = [_of(event, subject_id=subject_id) for event in events]
    state = {"placed": True, "content": content, "currency": news.currency}
    objects.remember(known, source=source, at=news.told_at, subject_id=subject_id, state=state)
    return Told(events=tuple(whole))


def take_gone(news: OrderGone, *, source: Source, now: datetime) -> Told:
    """Return a refund or a cancellation that names its order only; the order says whose it is."""
    if news.refund is not None and not _is_paid(news.refund):
        return Told(reason=NOT_PAID)
    known = objects.known(objects.ORDER, news.order_id, source=source)
    if known.subject_id is None or not known.state.get("placed"):
        if news.refund is None:
            return Told(reason=UNKNOWN)
        raise NotYet(
            "the order of this refund is not known yet; it is tried again for half an hour"
        )
    if news.refund is None:
        event = _cancelled(news.order_id, at=news.at)
    else:
        currency = str(known.state.get("currency") or "")
        event = _refunded(news.refund, order_id=news.order_id, currency=currency)
    return Told(events=(_of(event, subject_id=known.subject_id),))


def properties_of(news: OrderNews) -> dict[str, object]:
    """Write an order as the Segment spec has it; amounts become JSON numbers only here."""
    amounts = {name: float(amount) for name, amount in news.amounts.items()}
    return {
        "order_id": news.order_id,
        **amounts,
        **({"currency": news.currency} if news.currency else {}),
        **news.details,
        "products": [written(line) for line in news.lines],
    }


def written(line: Line) -> dict[str, object]:
    """Write a product line: the product's own number, its variant and SKU beside it."""
    found: dict[str, object] = {"product_id": line.product_id, "quantity": line.quantity}
    if line.price is not None:
        found["price"] = float(line.price)
    return {**found, **line.details}


def linked(anonymous_id: str, external_id: str, /, *, at: datetime) -> Incoming:
    """Say that a cart's visitor is this customer: a cart has one owner."""
    key = objects.fingerprint("link", f"{anonymous_id} {external_id}")
    return Incoming(
        message_id=f"link {key[:32]}",
        event="",
        type="identify",
        timestamp=at,
        external_id=external_id,
        anonymous_id=anonymous_id,
    )


def _events(
    news: OrderNews, *, known: Known, properties: Mapping[str, object], content: str
) -> Iterator[Incoming]:
    order = f"order {news.order_id}"
    if not known.state.get("placed"):
        yield Incoming(
            message_id=f"{order} completed",
            event="Order Completed",
            timestamp=min(news.placed_at, news.told_at),
            properties=dict(properties),
        )
    elif content != known.state.get("content"):
        yield Incoming(
            message_id=f"{order} updated {news.told_at:%Y%m%d%H%M%S} {content[:8]}",
            event="Order Updated",
            timestamp=news.told_at,
            properties=dict(properties),
        )
    for refund in filter(_is_paid, news.refunds):
        yield _refunded(refund, order_id=news.order_id, currency=news.currency)
    if news.cancelled_at:
        yield _cancelled(news.order_id, at=news.cancelled_at)


def _is_paid(refund: Refund) -> bool:
    """Tell whether money went back: goods alone, or a payment on its way, is no refund yet."""
    return refund.total > 0


def _refunded(refund: Refund, *, order_id: str, currency: str) -> Incoming:
    """Write a refund; it comes with its order and alone, and is one event."""
    return Incoming(
        message_id=f"order {order_id} refund {refund.refund_id}",
        event="Order Refunded",
        timestamp=refund.at,
        properties={
            "order_id": order_id,
            "refund_id": refund.refund_id,
            "total": float(refund.total),
            "currency": refund.currency or currency,
            "products": [written(line) for line in refund.lines],
        },
    )


def _cancelled(order_id: str, *, at: datetime) -> Incoming:
    return Incoming(
        message_id=f"order {order_id} cancelled",
        event="Order Cancelled",
        timestamp=at,
        properties={"order_id": order_id},
    )


def _of(event: Incoming, *, subject_id: int) -> Incoming:
    """Name the person of an event, unless it names them already to say who is who."""
    return event if event.type == "identify" else replace(event, subject_id=subject_id)


def _hash(properties: Mapping[str, object]) -> str:
    return sha256(orjson.dumps(properties, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
