"""What comes next is read while the database works on what came before; nothing else changes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.db import OperationalError

from consent.models import DataSubject, Identifier
from personalization.ingest import apply, inbox
from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_waiting
from personalization.models import Event, InboxEvent, Source
from tests.consent.people import NOON
from tests.personalization.ground import SHOP, committing, event, real_commits

__all__ = ["real_commits"]

LIMIT = 64
EVENTS = 3 * LIMIT + LIMIT // 2
HUGE = {"total": "999999999999.99"}


@pytest.fixture(autouse=True)
def _waiting(real_commits: None) -> None:
    """Three batches and a half; nobody has to allow that an order is kept."""
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})
    told = [event(f"m{n:03}", external_id=f"C-{n:03}") for n in range(EVENTS)]
    accept(told, source=SHOP, now=NOON)


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
        assert sum(going, start=Applied()).stored == EVENTS - LIMIT

    assert 0 < beside <= LIMIT
    assert opened == [f"m{n:03}" for n in range(EVENTS)]
    assert not InboxEvent.objects.exists()


@committing
def test_what_went_away_before_its_turn_is_not_applied() -> None:
    with after_one_batch() as going:
        InboxEvent.objects.filter(message_id=f"m{LIMIT + 1:03}").delete()
        assert sum(going, start=Applied()).stored == EVENTS - LIMIT - 1

    assert Event.objects.count() == EVENTS - 1


@committing
def test_what_was_changed_before_its_turn_is_applied_as_it_is_now() -> None:
    changed = f"m{LIMIT + 1:03}"
    with after_one_batch() as going:
        row = InboxEvent.objects.get(message_id=changed)
        plain = inbox.open_payload(row.payload, message_id=changed)
        other = orjson.dumps({**plain, "event": "Order Cancelled"})
        row.payload = inbox.seal(other, message_id=changed)
        row.save()
        sum(going, start=Applied())

    assert Event.objects.filter(name="Order Cancelled").count() == 1
    assert Event.objects.count() == EVENTS


@committing
def test_what_does_not_open_is_set_apart_when_its_turn_comes() -> None:
    broken = f"m{LIMIT + 1:03}"
    InboxEvent.objects.filter(message_id=broken).update(payload=b"v1:" + bytes(60))
    with after_one_batch() as going:
        assert not InboxEvent.objects.exclude(quarantined_at=None).exists()
        total = sum(going, start=Applied())

    assert (total.stored, total.quarantined) == (EVENTS - LIMIT - 1, 1)
    (left,) = InboxEvent.objects.all()
    assert (left.message_id, left.reason[:16]) == (broken, "it does not open")


@committing
def test_a_batch_that_begins_again_is_read_again(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, tries = apply._apply_or_split, []

    def unlucky(*args: Any, **kwargs: Any) -> Any:
        done = original(*args, **kwargs)
        tries.append(done)
        if len(tries) == 3:
            raise OperationalError from psycopg.errors.DeadlockDetected()
        return done

    monkeypatch.setattr(apply, "_apply_or_split", unlucky)

    assert sum(batches(), start=Applied()).stored == EVENTS
    # The third batch was read ahead; behind it there is no whole one.
    assert Counter(Counter(opened).values()) == {1: EVENTS - LIMIT, 2: LIMIT}
    assert {opened.count(f"m{n:03}") for n in range(2 * LIMIT, 3 * LIMIT)} == {2}
    assert sorted(Event.objects.values_list("profile_id").distinct()) == sorted(
        DataSubject.objects.values_list("pk")
    )
    assert not InboxEvent.objects.exists()


@committing
def test_what_is_read_of_one_source_waits_while_another_has_its_turn(opened: list[str]) -> None:
    with after_one_batch() as going:
        # Its event is older than what is left of the first one.
        Source.objects.create(slug="till", name="Till")
        accept([event("t1")], source="till", now=NOON)
        first = InboxEvent.objects.order_by("pk").first()
        assert first is not None
        InboxEvent.objects.filter(message_id="t1").update(id=first.pk - 1)
        assert next(going).taken == 1
        assert sum(going, start=Applied()).stored == EVENTS - LIMIT

    assert len(opened) == EVENTS + 1


@committing
def test_a_source_that_changed_since_its_rows_were_read_is_taken_as_it_is_now() -> None:
    with after_one_batch() as going:
        Source.objects.filter(slug=SHOP).update(id_space="house")
        next(going)

    spaces = Counter(Identifier.objects.values_list("source", flat=True))
    assert spaces == {SHOP: LIMIT, "house": LIMIT}


@committing
def test_an_interrupt_that_comes_while_the_next_batch_is_read_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = inbox.open_payload

    def interrupted(payload: bytes, *, message_id: str) -> dict[str, Any]:
        if message_id == f"m{LIMIT + 1:03}":
            raise KeyboardInterrupt
        return original(payload, message_id=message_id)

    monkeypatch.setattr(inbox, "open_payload", interrupted)
    with after_one_batch() as going:
        InboxEvent.objects.filter(message_id=f"m{LIMIT:03}").delete()
        with pytest.raises(KeyboardInterrupt):
            next(going)

    assert Event.objects.count() == LIMIT


@committing
def test_a_faulty_sum_beside_what_is_read_ahead_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apply, "CAREFUL", 16)
    huge = [event(f"h{n}", external_id="C-0", properties=HUGE) for n in range(101)]
    accept(huge, source=SHOP, now=NOON)

    total = sum(batches(), start=Applied())

    assert (total.stored, total.quarantined) == (EVENTS + 100, 1)
    assert Event.objects.count() == EVENTS + 100


@committing
def test_rows_that_hold_much_are_taken_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    (length,) = {len(row.payload) for row in InboxEvent.objects.all()}
    monkeypatch.setattr(inbox, "MOST_BYTES", 10 * length)
    assert [next(batches()).taken for _ in range(3)] == [10, 10, 10]

    monkeypatch.setattr(inbox, "MOST_BYTES", 1)
    assert next(batches()).taken == 1


@committing
def test_a_shift_ends_before_everything_is_applied() -> None:
    times = iter(NOON + n * timedelta(minutes=1) for n in range(9))

    done = [*apply_waiting(clock=lambda: next(times), limit=LIMIT, shift=timedelta(minutes=3))]

    assert [each.taken for each in done] == [LIMIT, LIMIT]
    assert InboxEvent.objects.count() == EVENTS - 2 * LIMIT
