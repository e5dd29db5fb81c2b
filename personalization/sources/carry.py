"""Do what a delivery says: every kind of news has one place that knows what to do with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from consent import requests
from consent.models import DataSubject
from personalization.commerce.names import canonical
from personalization.ingest import accept
from personalization.ingest.incoming import Incoming
from personalization.ingest.purposes import CONTRACT, collection_purpose
from personalization.models import Source
from personalization.sources import (
    carts,
    customers,
    generic,
    goods,
    hubspot,
    orders,
    people,
    shopify,
    woocommerce,
)
from personalization.sources.delivered import Delivered
from personalization.sources.news import (
    CartNews,
    CustomerNews,
    EventNews,
    News,
    Nothing,
    OrderGone,
    OrderNews,
    ProductNews,
    RequestNews,
    StockNews,
)
from personalization.sources.objects import fingerprint

NOBODY = "the event names an address nobody has here, and an event makes nobody known"

READERS: Mapping[str, Callable[[Delivered], list[News]]] = {
    Source.Kind.SHOPIFY: shopify.read,
    Source.Kind.WOOCOMMERCE: woocommerce.read,
    Source.Kind.HUBSPOT: hubspot.read,
    Source.Kind.GENERIC: generic.read,
}


@dataclass(slots=True)
class _Carried:
    """What came of the news of one delivery so far."""

    events: list[Incoming] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    done: int = 0

    def note(self, reason: str) -> None:
        if reason:
            self.reasons.append(reason)
        else:
            self.done += 1


def carry(given: Delivered, *, source: Source, now: datetime) -> str:
    """Write what a delivery says; return '' or, if it came to nothing, why."""
    carried = _Carried()
    for news in READERS[source.kind](given):
        _take(news, carried=carried, source=source, now=now)
    accept.accept(carried.events, source=source, now=now)
    return "" if carried.done else "; ".join(dict.fromkeys(carried.reasons))


def _take(news: News, *, carried: _Carried, source: Source, now: datetime) -> None:
    match news:
        case CustomerNews():
            carried.note(customers.take(news, source=source, now=now))
        case ProductNews():
            carried.note(goods.take(news, source=source, now=now))
        case StockNews():
            carried.note(goods.take_stock(news, source=source, now=now))
        case RequestNews():
            _request(news, source=source, now=now)
            carried.note("")
        case Nothing():
            carried.note(news.reason)
        case OrderNews() | OrderGone() | CartNews() | EventNews():
            told = _told(news, source=source, now=now)
            carried.events.extend(told.events)
            carried.note(told.reason)


def _told(
    news: OrderNews | OrderGone | CartNews | EventNews, *, source: Source, now: datetime
) -> orders.Told:
    match news:
        case OrderNews():
            return orders.take(news, source=source, now=now)
        case OrderGone():
            return orders.take_gone(news, source=source, now=now)
        case CartNews():
            return carts.take(news, source=source)
        case EventNews():
            return _event(news, source=source, now=now)


def _event(news: EventNews, *, source: Source, now: datetime) -> orders.Told:
    """Name the person of an event; only an order makes somebody known by an address."""
    subject_id = None
    if news.who.email and collection_purpose(canonical(news.name)) == CONTRACT:
        subject_id = people.made(news.who, source=source, now=now)
    elif news.who.email:
        subject_id = people.found(news.who, source=source)
    if not (subject_id or news.who.external_id or news.who.anonymous_id):
        return orders.Told(reason=NOBODY)
    event = Incoming(
        # Whatever a mapping takes for an id may be somebody's number.
        message_id=f"event {fingerprint('event', news.id)[:40]}",
        event=news.name,
        timestamp=news.at,
        properties=dict(news.properties),
        subject_id=subject_id,
        external_id="" if subject_id else news.who.external_id,
        anonymous_id="" if subject_id else news.who.anonymous_id,
    )
    return orders.Told(events=(event,))


def _request(news: RequestNews, *, source: Source, now: datetime) -> None:
    subject_id = people.found(news.who, source=source)
    requests.take(
        news.kind,
        subject=DataSubject.objects.filter(pk=subject_id).first() if subject_id else None,
        source=f"webhook:{source.slug}",
        reference=news.reference,
        received_at=now,
    )
