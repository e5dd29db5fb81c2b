"""What is past its retention goes: months whole, events by their purpose, and nothing too soon."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from consent import ledger
from consent.models import Purpose
from personalization.ingest import partitions, retention
from personalization.ingest.retention import Removed, remove_old
from personalization.models import (
    Event,
    EventDaily,
    EventItem,
    InboxEvent,
    Order,
    Source,
    WebhookDelivery,
)
from tests.campaigns.factories import product
from tests.consent.people import subject
from tests.personalization.ground import SHOP, event, take_in

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CART = {"product_id": "P1", "price": 5}


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def story(*happened: tuple[str, int]) -> None:
    """Events of one who allowed everything, each so many days ago."""
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})
    product(1)
    anna = subject("", external_id="C-1", source=SHOP)
    for purpose in ("profiling", "email_tracking"):
        ledger.grant(anna, purpose=purpose, source="test", at=days_ago(9000))
    take_in(
        *(
            event(f"{name}{days}", name, timestamp=days_ago(days), properties=_of(name))
            for name, days in happened
        ),
        now=NOW,
    )


def _of(name: str) -> dict[str, Any]:
    order = {"order_id": "1", "total": 9, "products": [CART]}
    return order if name.startswith("Order") else CART


def months() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right(relname, 6) FROM pg_class WHERE relkind = 'r'"
            " AND relname ~ '^personalization_event(item)?_[0-9]{6}$'"
        )
        return {row[0] for row in cursor.fetchall()}


def test_each_event_is_kept_as_long_as_the_purpose_it_was_collected_for() -> None:
    story(
        ("Email Opened", 394), ("Email Opened", 396),
        ("Product Viewed", 1094), ("Product Viewed", 1096),
        ("Order Completed", 1096), ("Email Bounced", 1096),
    )  # fmt: skip

    removed = remove_old(now=NOW)

    assert removed == Removed(months=removed.months, events=2, days=2)
    left = [(each.name, (NOW - each.occurred_at).days) for each in Event.objects.order_by("pk")]
    assert left == [
        ("Email Opened", 394), ("Product Viewed", 1094), ("Order Completed", 1096),
        ("Email Bounced", 1096),
    ]  # fmt: skip
    assert set(EventItem.objects.values_list("event_id", flat=True)) <= set(
        Event.objects.values_list("pk", flat=True)
    )
    assert EventDaily.objects.count() == 4
    assert remove_old(now=NOW) == Removed()


def test_months_older_than_the_longest_retention_are_dropped_whole() -> None:
    partitions.ensure(days_ago(3700), days_ago(3700))
    story(("Order Completed", 3700), ("Order Completed", 10))
    Order.objects.update(placed_at=days_ago(3700))
    old = f"{days_ago(3700):%Y%m}"
    assert old in months()

    removed = remove_old(now=NOW)

    assert removed.months >= 1
    assert (removed.days, removed.orders) == (1, 1)
    assert old not in months()
    assert f"{NOW:%Y%m}" in months()
    assert Event.objects.count() == 1
    assert partitions.ensure(days_ago(3700), days_ago(3700)) == 2


def test_a_month_that_is_not_past_to_its_end_stays() -> None:
    partitions.ensure(datetime(2016, 10, 1, tzinfo=UTC), datetime(2016, 12, 1, tzinfo=UTC))

    retention.drop_months(before=datetime(2016, 11, 30, 23, tzinfo=UTC))

    assert "201610" not in months()
    assert {"201611", "201612"} <= months()


def test_deleting_goes_on_over_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    story(*(("Product Viewed", 1100 + n) for n in range(7)))
    monkeypatch.setattr(retention, "BATCH", 2)

    removed = remove_old(now=NOW)

    assert (removed.events, removed.days) == (7, 7)
    assert not EventItem.objects.exists()


def test_an_event_without_a_purpose_that_says_how_long_stays() -> None:
    story(("Product Viewed", 2000))
    Purpose.objects.filter(code="profiling").update(retention_days=4000)

    assert remove_old(now=NOW).events == 0
    assert Event.objects.count() == 1


def test_quarantine_and_finished_deliveries_go_after_thirty_days() -> None:
    source, _ = Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})
    for number, days in enumerate((29, 31)):
        InboxEvent.objects.create(
            source=source, message_id=str(number), payload=b"", received_at=days_ago(days),
            quarantined_at=days_ago(days), reason="x",
        )  # fmt: skip
        for state in WebhookDelivery.State:
            WebhookDelivery.objects.create(
                source=source, delivery_id=f"{number}{state}", topic="t", state=state,
                received_at=days_ago(days),
            )  # fmt: skip
    waiting = InboxEvent.objects.create(
        source=source, message_id="old", payload=b"", received_at=days_ago(99)
    )

    removed = remove_old(now=NOW)

    assert (removed.quarantined, removed.deliveries) == (1, 2)
    assert InboxEvent.objects.filter(pk=waiting.pk).exists()
    left = WebhookDelivery.objects.filter(received_at=days_ago(31))
    assert set(left.values_list("state", flat=True)) == {"waiting", "failed"}


def test_sums_of_days_stay_for_as_long_as_their_events() -> None:
    story(("Order Completed", 1200), ("Product Viewed", 1200), ("Product Viewed", 5))

    remove_old(now=NOW)

    days = {(each.name, each.total) for each in EventDaily.objects.all()}
    assert days == {("Order Completed", Decimal(9)), ("Product Viewed", Decimal(0))}
