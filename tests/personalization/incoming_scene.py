"""A shop with some weeks of incoming data: what the pages of sources and faults show."""

from datetime import datetime, timedelta
from random import Random

from consent.models import DataSubject
from personalization.ingest import accept
from personalization.ingest.body import Parsed
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.models import CustomerProfile, SeenProperty, Source, SourceDay

DAYS = 30
FAULTS = (
    {"event": ""},
    {"event": "Product Viewed", "userId": None},
    {"event": "Product Viewed", "timestamp": "yesterday"},
)


def website(*, now: datetime, people: list[DataSubject]) -> Source:
    """A website that has sent events for a month, with each kind of trouble."""
    web = Source.objects.create(
        slug="web",
        name="Web shop",
        kind="collector",
        write_key="wk_3c1kYw8tQbN5dZsLr0uVhGxA",
        id_space="shop",
        stale_after_hours=6,
        last_event_at=now - timedelta(minutes=3),
        created_at=now - timedelta(days=200),
    )
    _days(web, now=now)
    _properties(web, now=now)
    _origins(people, now=now)
    return web


def neighbours(*, now: datetime) -> None:
    """Other sources, one of them silent, one new."""
    for slug, name, kind, hours in (
        ("shopify", "Shopify store", "shopify", 30),
        ("crm", "CRM", "hubspot", 1),
    ):
        made = Source.objects.create(
            slug=slug,
            name=name,
            kind=kind,
            stale_after_hours=24,
            last_event_at=now - timedelta(hours=hours),
            created_at=now - timedelta(days=90),
        )
        _days(made, now=now, size=60)
    Source.objects.create(slug="app", name="App", kind="collector", write_key="wk_app")


def faults(source: Source, *, now: datetime) -> None:
    """Five events that could not be read."""
    for number in range(5):
        raw = {
            "type": "track",
            "userId": f"customer-{number}",
            "messageId": f"web-{number}-9f2c",
            "timestamp": "2026-11-23T10:15:00Z",
            "properties": {"product_id": "boots-38", "price": 129.9, "email": "anna@example.com"},
            "context": {"page": {"path": "/boots"}},
            **FAULTS[number % 3],
        }
        sent = Sent(parsed=Parsed(raw, size=100), received_at=now)
        accept.accept([message.read(raw, sent=sent)], source=source, now=now)


def _days(source: Source, *, now: datetime, size: int = 400) -> None:
    chance = Random(source.slug)
    rows = []
    for back in range(DAYS):
        count = int(size * chance.uniform(0.7, 1.2) * (0.6 if (back % 7) in (1, 2) else 1))
        bad = size // 5 if back == 9 else chance.randrange(4)
        ends = (
            ("accepted", "", count + bad),
            ("stored", "", int(count * 0.8)),
            ("repeated", "", int(count * 0.04)),
            ("refused", "profiling", int(count * 0.12)),
            ("refused", "email_tracking", int(count * 0.04)),
            ("quarantined", "event: is missing", bad),
            ("lag", "1", int(count * 0.7)),
            ("lag", "5", int(count * 0.2)),
            ("lag", "3600", int(count * 0.08)),
            ("lag", "more", int(count * 0.02)),
        )
        day = (now - timedelta(days=back)).date()
        rows += [
            SourceDay(source=source, day=day, outcome=outcome, detail=detail, count=number)
            for outcome, detail, number in ends
            if number
        ]
    SourceDay.objects.bulk_create(rows, ignore_conflicts=True)


def _properties(source: Source, *, now: datetime) -> None:
    # Event, name, type, first and last seen so many days ago, kept?
    seen = (
        ("Product Viewed", "price", "number", 90, 0, True),
        ("Product Viewed", "price", "text", 2, 0, True),
        ("Product Viewed", "colour", "text", 90, 12, True),
        ("Product Viewed", "size_guide", "boolean", 3, 0, True),
        ("signed_up", "plan", "text", 90, 0, True),
        ("Signed Up", "plan", "text", 20, 0, True),
        ("", "shoe_size", "number", 40, 0, False),
    )
    for event, name, kind, first, last, is_kept in seen:
        SeenProperty.objects.create(
            source=source,
            event=event,
            name=name,
            type=kind,
            count=1_204,
            first_seen_at=now - timedelta(days=first),
            last_seen_at=now - timedelta(days=last),
            is_kept=is_kept,
        )


def _origins(people: list[DataSubject], *, now: datetime) -> None:
    for number, subject in enumerate(people):
        names = ["country", "language", "city"][: 3 - number % 3]
        at = (now - timedelta(days=500 * (number % 2) + number)).isoformat()
        origins = {f"attributes.{name}": {"source": "web", "at": at} for name in names}
        CustomerProfile.objects.filter(pk=subject.pk).update(origins=origins)
