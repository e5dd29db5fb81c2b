"""What the tests of events, traits and segments share: a history, and tables left clean."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_waiting
from personalization.ingest.incoming import Incoming
from personalization.models import Source
from tests.consent.people import NOON

SHOP = "shop"


# For every test that uses `real_commits`: what migrations put in is there again for the next one.
committing = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def real_commits(transactional_db: None, django_db_serialized_rollback: None) -> Iterator[None]:
    """Let other connections see what is stored; empty the tables that Django does not flush."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE personalization_event, personalization_eventitem")


def event(message_id: str, name: str = "Order Completed", **given: Any) -> Incoming:
    """An event of customer C-1, an hour ago."""
    values: dict[str, Any] = {"timestamp": NOON - timedelta(hours=1), "external_id": "C-1"}
    return Incoming(message_id=message_id, event=name, **{**values, **given})


def take_in(*events: Incoming, source: str = SHOP, now: datetime = NOON) -> Applied:
    """Accept events and apply all that waits."""
    Source.objects.get_or_create(slug=source, defaults={"name": source})
    accept(events, source=source, now=now)
    return apply_all(now=now)


def apply_all(*, now: datetime = NOON) -> Applied:
    return sum(apply_waiting(clock=lambda: now), start=Applied())
