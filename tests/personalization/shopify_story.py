"""What the tests of Shopify's topics share: the shop, its customer, and what was told so far."""

from datetime import UTC, datetime

import pytest

from consent import identify, ledger
from consent.models import DataSubject
from personalization.models import Event, Source, WebhookDelivery
from tests.personalization.webhook_support import source

BOB = "706405506930370084"
SHIRT = "788032119674292922"
ORDER = "820982911946154508"


@pytest.fixture
def shop(db: None) -> Source:
    return source("shopify")


def bob(space: str = "shopify") -> DataSubject:
    found = identify.find(identify.EXTERNAL_ID, BOB, source=space)
    assert found is not None
    return found


def allow(subject: DataSubject, *purposes: str) -> None:
    at = datetime(2026, 2, 1, tzinfo=UTC)
    for purpose in purposes:
        ledger.grant(subject, purpose=purpose, source="test", at=at)


def names() -> list[str]:
    return list(Event.objects.order_by("occurred_at", "id").values_list("name", flat=True))


def states(deliveries: list[WebhookDelivery]) -> list[str]:
    return [each.state for each in deliveries]
