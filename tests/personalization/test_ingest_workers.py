"""Workers at once: each event once, one worker a source, nothing left behind by a crash."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.cache import cache
from django.db import OperationalError

from consent import ledger
from consent.models import DataSubject
from personalization.importing import touching
from personalization.ingest import apply, consent, partitions
from personalization.ingest.accept import accept
from personalization.ingest.apply import Applied, apply_batch
from personalization.models import Event, EventDaily, EventKey, InboxEvent, Source
from tests.consent.people import NOON, at_once, subject
from tests.personalization.ground import SHOP, apply_all, committing, event, real_commits

__all__ = ["real_commits"]


@pytest.fixture(autouse=True)
def _shop(real_commits: None) -> None:
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})


def customer(external_id: str) -> DataSubject:
    made = subject("", external_id=external_id, source=SHOP)
    ledger.grant(made, purpose="profiling", source="test", at=NOON - timedelta(days=1))
    return made


@committing
def test_a_crash_in_the_middle_leaves_nothing_behind(
    real_commits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept([event("m1"), event("m2")], source=SHOP, now=NOON)

    class Crash(Exception):
        pass

    def crash(*args: object, **kwargs: object) -> None:
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(touching, "note", crash)
        with pytest.raises(Crash):
            apply_batch(now=NOON)
    assert InboxEvent.objects.filter(quarantined_at=None).count() == 2
    assert not Event.objects.exists()
    assert not EventKey.objects.exists()
    assert not DataSubject.objects.exists()

    cache.clear()  # the minute is over for which the source is passed over
    assert apply_all().stored == 2
    assert EventDaily.objects.get().count == 2


@committing
def test_a_fault_of_ours_in_one_source_does_not_stop_the_others(
    real_commits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Source.objects.create(slug="till", name="Till")
    accept([event("m1")], source=SHOP, now=NOON)
    accept([event("m1")], source="till", now=NOON)
    plain = apply._apply

    def only_the_till(rows: Any, *, source: Source, now: Any) -> Any:
        if source.slug == SHOP:
            raise ZeroDivisionError
        return plain(rows, source=source, now=now)

    monkeypatch.setattr(apply, "_apply", only_the_till)
    with pytest.raises(ZeroDivisionError):
        apply_batch(now=NOON)

    assert apply_all().stored == 1
    assert InboxEvent.objects.get().source.slug == SHOP


@committing
def test_workers_at_once_apply_each_event_once(real_commits: None) -> None:
    people = [f"C-{n % 7}" for n in range(120)]
    for part in range(3):
        accept(
            [event(f"{part}-{n}", external_id=who) for n, who in enumerate(people)],
            source=SHOP, now=NOON,
        )  # fmt: skip

    def work() -> Applied:
        total = Applied()
        for _ in range(2000):
            total += apply_batch(now=NOON, limit=10)
            if not InboxEvent.objects.filter(quarantined_at=None).exists():
                break
        return total

    done = at_once(work, work, work)

    assert sum(each.stored for each in done) == 360
    assert Event.objects.count() == EventKey.objects.count() == 360
    assert sum(EventDaily.objects.values_list("count", flat=True)) == 360
    assert DataSubject.objects.count() == 7
    assert not InboxEvent.objects.exists()


@committing
def test_one_worker_a_source_and_another_sources_worker_does_not_wait(real_commits: None) -> None:
    accept([event("m1", external_id="C-1"), event("m2", external_id="C-2")], source=SHOP, now=NOON)
    Source.objects.create(slug="till", name="Till")
    for who in ("C-1", "C-2"):
        customer(who)
    partitions.ensure_ahead(now=NOON)
    meanwhile: list[Applied] = []

    def one() -> Applied:
        return apply_batch(now=NOON, limit=1)

    patch = pytest.MonkeyPatch()
    original = consent.sort

    def sort(*args: Any, **kwargs: Any) -> Any:
        patch.undo()
        meanwhile.extend(at_once(one))
        at_once(lambda: accept([event("m1", external_id="T-1")], source="till", now=NOON))
        meanwhile.extend(at_once(one))
        return original(*args, **kwargs)

    patch.setattr(consent, "sort", sort)
    first = one()

    assert meanwhile == [Applied(is_busy=True), Applied(taken=1, stored=1)]
    assert first == Applied(taken=1, stored=1)
    assert one() == Applied(taken=1, stored=1)
    assert one() == Applied()


@committing
def test_a_worker_told_to_stop_by_a_deadlock_begins_again(
    real_commits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept([event("m1")], source=SHOP, now=NOON)
    original, tries = apply._apply_next, []

    def unlucky(*, now: Any, limit: int, ahead: Any) -> Applied:
        tries.append(now)
        if len(tries) < apply.TRIES:
            raise OperationalError from psycopg.errors.DeadlockDetected()
        return original(now=now, limit=limit, ahead=ahead)

    monkeypatch.setattr(apply, "_apply_next", unlucky)

    assert apply_batch(now=NOON).stored == 1


@committing
def test_any_other_fault_of_the_database_is_not_tried_again(
    real_commits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def broken(*, now: Any, limit: int, ahead: Any) -> Applied:
        tries.append(now)
        raise OperationalError from psycopg.errors.AdminShutdown()

    monkeypatch.setattr(apply, "_apply_next", broken)

    with pytest.raises(OperationalError):
        apply_batch(now=NOON)
    assert len(tries) == 1
