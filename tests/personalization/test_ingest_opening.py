"""What comes next is read while the database works on what came before; nothing else changes."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import psycopg
import pytest
from django.db import OperationalError

from personalization.ingest import apply, inbox
from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_waiting
from personalization.ingest.tally import Tally
from personalization.models import Event, InboxEvent, Source
from tests.consent.people import NOON
from tests.personalization.ground import SHOP, committing, event, real_commits

__all__ = ["real_commits"]

LIMIT = 64


@pytest.fixture(autouse=True)
def _waiting(real_commits: None) -> None:
    """Three batches and a half; nobody has to allow that an order is kept."""
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})
    accept([event(f"m{n}") for n in range(3 * LIMIT + LIMIT // 2)], source=SHOP, now=NOON)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The message ids of payloads in the order they are opened."""
    found: list[str] = []
    original = inbox.open_payload

    def noted(payload: bytes, *, message_id: str) -> dict[str, Any]:
        found.append(message_id)
        return original(payload, message_id=message_id)

    monkeypatch.setattr(inbox, "open_payload", noted)
    return found


def batches() -> Iterator[Applied]:
    return apply_waiting(clock=lambda: NOON, limit=LIMIT)


def after_one_batch() -> Any:
    """Batches of which the first was applied."""
    going = batches()
    assert next(going).stored == LIMIT
    return closing(going)


@committing
def test_the_next_batch_is_read_beside_the_first_and_each_event_once(opened: list[str]) -> None:
    with after_one_batch() as going:
        beside = len(opened) - LIMIT
        assert sum(going, start=Applied()).stored == 2 * LIMIT + LIMIT // 2

    assert 0 < beside <= LIMIT
    assert opened == [f"m{n}" for n in range(3 * LIMIT + LIMIT // 2)]
    assert not InboxEvent.objects.exists()


@committing
def test_what_went_away_before_its_turn_is_not_applied() -> None:
    with after_one_batch() as going:
        InboxEvent.objects.filter(message_id=f"m{LIMIT + 1}").delete()
        assert sum(going, start=Applied()).stored == 2 * LIMIT + LIMIT // 2 - 1

    assert Event.objects.count() == 3 * LIMIT + LIMIT // 2 - 1


@committing
def test_what_was_changed_before_its_turn_is_applied_as_it_is_now() -> None:
    changed = f"m{LIMIT + 1}"
    with after_one_batch() as going:
        row = InboxEvent.objects.get(message_id=changed)
        plain = inbox.open_payload(row.payload, message_id=changed)
        other = orjson.dumps({**plain, "event": "Order Cancelled"})
        row.payload = inbox.seal(other, message_id=changed)
        row.save()
        sum(going, start=Applied())

    assert Event.objects.filter(name="Order Cancelled").count() == 1
    assert Event.objects.count() == 3 * LIMIT + LIMIT // 2


@committing
def test_what_does_not_open_is_set_apart_when_its_turn_comes() -> None:
    broken = f"m{LIMIT + 1}"
    InboxEvent.objects.filter(message_id=broken).update(payload=b"v1:" + bytes(60))
    with after_one_batch() as going:
        assert not InboxEvent.objects.exclude(quarantined_at=None).exists()
        total = sum(going, start=Applied())

    assert (total.stored, total.quarantined) == (2 * LIMIT + LIMIT // 2 - 1, 1)
    (left,) = InboxEvent.objects.all()
    assert (left.message_id, left.reason[:16]) == (broken, "it does not open")


@committing
def test_a_batch_that_begins_again_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    original, tries = apply._apply_or_split, [Tally()]

    def unlucky(*args: Any, **kwargs: Any) -> Any:
        done = original(*args, **kwargs)
        tries.append(done)
        if len(tries) == 2:
            raise OperationalError from psycopg.errors.DeadlockDetected()
        return done

    with after_one_batch() as going:
        monkeypatch.setattr(apply, "_apply_or_split", unlucky)
        assert sum(going, start=Applied()).stored == 2 * LIMIT + LIMIT // 2

    assert Event.objects.count() == 3 * LIMIT + LIMIT // 2
    assert not InboxEvent.objects.exists()


@committing
def test_rows_that_hold_much_are_taken_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_BYTES", 1)

    assert [each.taken for each, _ in zip(batches(), range(3), strict=False)] == [1, 1, 1]
