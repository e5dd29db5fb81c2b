"""Many people with many events, made in the database itself: for measuring what derives traits."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from consent import identify, ledger
from consent.identify import Names
from consent.ledger import Statement
from personalization.commerce import state
from personalization.ingest import partitions
from personalization.models import CustomerProfile, Product, ProfileDue, Source

SEED = 0.2026
PRODUCTS = 500
EVENTS_A_PERSON = 10
PROFILED, TRACKED = 0.88, 0.75
BATCH = 5_000

# One in five is an order of a known number; views lean to the recent weeks.
_EVENTS = """
INSERT INTO personalization_event (source_id, name, profile_id, origin_profile_id, occurred_at,
    received_at, amount, currency, properties)
SELECT %(source)s, name, pk, pk, at, at,
       CASE WHEN name = 'Order Completed' THEN round((5 + 200 * random())::numeric, 2) END,
       CASE WHEN name = 'Order Completed' THEN 'EUR' END,
       CASE WHEN name = 'Order Completed'
            THEN jsonb_build_object('order_id', %(mark)s || pk || '-' || n) ELSE '{}' END
FROM (
    SELECT pk, n, (ARRAY['Order Completed', 'Order Completed', 'Product Viewed', 'Product Viewed',
               'Product Viewed', 'Product Viewed', 'Product Added', 'Email Opened',
               'Email Opened', 'Email Link Clicked'])[1 + floor(10 * random())::int] AS name,
           %(now)s - make_interval(secs => %(span)s * power(random(), 1.5)) AS at
    FROM unnest(%(ids)s::bigint[]) AS pk, generate_series(1, %(each)s) AS n
) AS told
"""
_LINES = """
INSERT INTO personalization_eventitem
    (event_id, line, occurred_at, profile_id, name, product_id, quantity, price)
SELECT e.id, 0, e.occurred_at, e.profile_id, e.name, p.id, 1, p.price
FROM personalization_event e
JOIN personalization_product p ON p.product_id = 'T' || (e.id * 7919 %% %(products)s)
WHERE e.name IN ('Order Completed', 'Product Viewed', 'Product Added')
    AND e.profile_id = ANY(%(ids)s) AND e.id > %(last)s
"""


def settle(people: int, *, now: datetime) -> list[int]:
    """Make people, their consents, products, and events of two years; return their ids."""
    partitions.ensure_ahead(now=now)
    Product.objects.bulk_create(
        Product(
            product_id=f"T{number}",
            name=f"Product {number}",
            category=f"Category {number % 25}",
            brand=f"Maker {number % 37}",
            price=Decimal(5 + number % 90),
            currency="EUR",
        )
        for number in range(PRODUCTS)
    )
    names = [Names(external_id=f"T-{number}") for number in range(people)]
    ids: list[int] = []
    for start in range(0, people, BATCH):
        found = identify.resolve(names[start : start + BATCH], source="bench").subject_ids
        ids += [pk for pk in found if pk]
        _agree(ids[start:], now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(%s)", [SEED])
    for start in range(0, people, BATCH):
        happen(ids[start : start + BATCH], now=now, each=EVENTS_A_PERSON, days=730)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return ids


def happen(ids: list[int], *, now: datetime, each: int, days: float, mark: str = "O-") -> None:
    """Let these people do `each` things in the last days, as applying would store them."""
    source, _ = Source.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    asked: dict[str, Any] = {
        "source": source.pk,
        "ids": ids,
        "now": now,
        "each": each,
        "mark": mark,
        "span": timedelta(days=days).total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM personalization_event")
        (last,) = cursor.fetchone()
        cursor.execute(_EVENTS, asked)
        cursor.execute(_LINES, {"products": PRODUCTS, "ids": ids, "last": last})
    state.refresh(ids, now=now)


def make_due(ids: list[int]) -> None:
    rows = [ProfileDue(work=ProfileDue.Work.TRAITS, profile_id=pk) for pk in ids]
    ProfileDue.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def _agree(ids: list[int], *, now: datetime) -> None:
    """Nearly all allow profiling, fewer tracking: the same ones in every run."""
    CustomerProfile.objects.bulk_create(CustomerProfile(subject_id=pk) for pk in ids)
    shares = {"profiling": PROFILED, "email_tracking": TRACKED}
    ledger.record_many(
        [
            Statement(
                subject_id=pk,
                purpose=purpose,
                action="granted" if pk * 7919 % 1000 < share * 1000 else "refused",
                source="bench",
                occurred_at=now - timedelta(days=800),
            )
            for pk in ids
            for purpose, share in shares.items()
        ]
    )
