"""A crowd with random histories, as large as fits of a population need, made in few statements."""

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from consent import identify, ledger
from consent.identify import Names
from consent.ledger import Statement
from personalization.commerce import state
from personalization.models import CustomerProfile, Event, EventItem, Product, ProfileDue, Source
from tests.consent.people import NOON

SHOP = "shop"
ZONES = ("Europe/Berlin", "America/New_York", "Nowhere/Atlantis", None)
VISITS = ("Product Viewed", "Product Added", "Email Opened", "Email Link Clicked", "Email Sent")
CATEGORIES = ("boots", "tents", "ropes", "")


def shelf() -> list[Product]:
    return Product.objects.bulk_create(
        Product(
            product_id=f"P{number}",
            name=f"Product {number}",
            category=CATEGORIES[number % len(CATEGORIES)],
            brand=f"Maker {number % 3}" if number % 5 else "",
            price=Decimal(5 + number),
            currency="EUR",
            is_sensitive=number == 7,
        )
        for number in range(12)
    )


def crowd(size: int, *, chance: random.Random) -> list[int]:
    """People with profiles; of ten, about eight allow profiling and seven tracking."""
    names = [Names(external_id=f"T-{number}") for number in range(size)]
    ids = [pk or 0 for pk in identify.resolve(names, source=SHOP).subject_ids]
    profiles = []
    for pk in ids:
        zone = chance.choice(ZONES)
        attributes = {"timezone": zone} if zone else {}
        profiles.append(CustomerProfile(subject_id=pk, attributes=attributes))
    CustomerProfile.objects.bulk_create(profiles)
    shares = {"profiling": 0.8, "email_tracking": 0.7, "email_marketing": 0.9}
    ledger.record_many(
        [
            statement(pk, purpose, is_granted=chance.random() < share)
            for pk in ids
            for purpose, share in shares.items()
        ]
    )
    return ids


def statement(
    pk: int, purpose: str, *, is_granted: bool, at: datetime = NOON - timedelta(days=900)
) -> Statement:
    return Statement(
        subject_id=pk,
        purpose=purpose,
        action="granted" if is_granted else "withdrawn",
        source="test",
        occurred_at=at,
        is_own_choice=True,
    )


def live(
    ids: Sequence[int],
    *,
    chance: random.Random,
    products: Sequence[Product],
    now: datetime = NOON,
    days: float = 600,
) -> None:
    """Let these people buy, return, cancel and look around in the days before `now`."""
    source, _ = Source.objects.get_or_create(slug=SHOP, defaults={"name": SHOP})
    events: list[Event] = []
    for pk in ids:
        for _ in range(int(chance.expovariate(0.2))):
            events += _order(pk, chance=chance, source=source, at=_before(now, chance, days))
        events += [
            _event(pk, chance.choice(VISITS), source=source, at=_before(now, chance, days))
            for _ in range(chance.randrange(7))
        ]
    stored = Event.objects.bulk_create(events)
    EventItem.objects.bulk_create(
        [_line(event, chance.choice(products), chance=chance) for event in stored if _has(event)]
    )
    state.refresh(ids, now=now)


def happened(
    pk: int,
    name: str,
    *,
    at: datetime,
    amount: Decimal | None = None,
    properties: dict[str, Any] | None = None,
    is_machine: bool = False,
) -> Event:
    """One event of one person, as it is stored."""
    source, _ = Source.objects.get_or_create(slug=SHOP, defaults={"name": SHOP})
    event = _event(pk, name, source=source, at=at, amount=amount, properties=properties)
    event.is_machine = is_machine
    event.save()
    return event


def all_happened(
    name: str, told: Sequence[tuple[int, datetime]], *, amounts: Sequence[Decimal] = ()
) -> None:
    """The same event of many people, each at its time; with an amount each, if any."""
    source, _ = Source.objects.get_or_create(slug=SHOP, defaults={"name": SHOP})
    Event.objects.bulk_create(
        _event(pk, name, source=source, at=at, amount=amounts[n] if amounts else None)
        for n, (pk, at) in enumerate(told)
    )


def make_due(ids: Collection[int]) -> None:
    rows = [ProfileDue(work=ProfileDue.Work.TRAITS, profile_id=pk) for pk in sorted(ids)]
    ProfileDue.objects.bulk_create(rows, ignore_conflicts=True)


def _before(now: datetime, chance: random.Random, days: float) -> datetime:
    # Some in the future: their clocks are wrong, and they do not count yet.
    return now - timedelta(days=chance.uniform(-0.02, 1) * days)


def _order(pk: int, *, chance: random.Random, source: Source, at: datetime) -> list[Event]:
    total = Decimal(chance.randrange(100, 20_000)) / 100
    number = {"order_id": f"O-{chance.getrandbits(60)}"} if chance.random() < 0.7 else {}
    told = [_event(pk, "Order Completed", source=source, at=at, amount=total, properties=number)]
    if number and chance.random() < 0.3:
        kind, part = chance.choice(
            [("Order Refunded", total / 2), ("Order Refunded", None), ("Order Cancelled", None)]
        )
        later = at + timedelta(hours=2)
        told.append(_event(pk, kind, source=source, at=later, amount=part, properties=number))
    return told


def _event(
    pk: int,
    name: str,
    *,
    source: Source,
    at: datetime,
    amount: Decimal | None = None,
    properties: dict[str, Any] | None = None,
) -> Event:
    return Event(
        source=source,
        name=name,
        profile_id=pk,
        origin_profile_id=pk,
        occurred_at=at,
        received_at=at,
        amount=amount,
        currency="EUR" if amount else None,
        properties=properties or {},
    )


def _has(event: Event) -> bool:
    return event.name in ("Order Completed", "Product Viewed", "Product Added")


def _line(event: Event, product: Product, *, chance: random.Random) -> EventItem:
    return EventItem(
        event_id=event.pk,
        line=0,
        occurred_at=event.occurred_at,
        profile_id=event.profile_id,
        name=event.name,
        product_id=product.pk,
        quantity=chance.randrange(1, 4),
        price=product.price,
    )
