"""Attacks on what was accepted: a killed worker, repeats, two sources, an order turned around."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from config.processes import ROOT
from consent import ledger
from consent.models import ConsentState
from personalization.ingest.accept import accept
from personalization.ingest.apply import BATCH
from personalization.models import Event, EventDaily, EventKey, InboxEvent, Source, SourceDay
from tests.consent.people import NOON, subject
from tests.personalization.collector_support import post, source, track
from tests.personalization.ground import SHOP, apply_all, committing, event, real_commits, take_in
from tests.personalization.sdk import server

__all__ = ["real_commits"]
HOUR = timedelta(hours=1)
EVENTS = 5 * BATCH


@pytest.fixture
def environment(real_commits: None) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": server._of_tests(os.environ["DATABASE_URL"]),
        "ATTUNE_DEMO": "1",
    }


@committing
def test_a_killed_worker_loses_nothing_and_nothing_is_stored_twice(
    environment: dict[str, str],
) -> None:
    Source.objects.create(slug=SHOP, name=SHOP)
    told = [event(f"m{n}", external_id=f"C-{n % 300}") for n in range(EVENTS)]
    for first in range(0, EVENTS, 2_000):
        accept(told[first : first + 2_000], source=SHOP, now=NOON)

    for _ in range(3):
        _kill_in_the_middle(environment)
    killed_at = InboxEvent.objects.count()
    applied = apply_all()
    accept(told, source=SHOP, now=NOON)
    again = apply_all()

    assert killed_at > 0
    assert applied.stored == killed_at
    assert (again.stored, again.repeated) == (0, EVENTS)
    assert Event.objects.count() == EventKey.objects.count() == EVENTS
    assert sum(EventDaily.objects.values_list("count", flat=True)) == EVENTS
    stored = SourceDay.objects.filter(outcome="stored").values_list("count", flat=True)
    assert sum(stored) == EVENTS


def _kill_in_the_middle(environment: dict[str, str]) -> None:
    """Kill a worker that has applied one batch more and is at the next."""
    before = InboxEvent.objects.count()
    command = [sys.executable, str(Path(ROOT, "manage.py")), "apply_inbox"]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while InboxEvent.objects.count() == before and worker.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(0.03)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    while _others():
        time.sleep(0.02)


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_batch_sent_again_with_another_time_of_sending_adds_nothing() -> None:
    source()
    batch = [track("m1"), track("m2", event="Order Completed")]
    for minute in range(3):
        post("/v1/batch", {"batch": batch, "sentAt": f"2026-03-01T10:0{minute}:00Z"})
        apply_all(now=NOON + timedelta(days=400))

    assert Event.objects.count() == 1
    assert EventKey.objects.count() == 2


@pytest.mark.django_db
def test_one_message_id_in_two_sources_is_two_events_and_one_order_is_one() -> None:
    order: dict[str, Any] = {"properties": {"order_id": "O-1", "total": 10}}
    Source.objects.create(slug="a", name="A", id_space="house")
    Source.objects.create(slug="b", name="B", id_space="house")

    take_in(event("m1", **order), source="a")
    take_in(event("m1", **order), source="b")

    assert sorted(Event.objects.values_list("name", flat=True)) == [
        "Order Completed", "Order Updated",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_refusal_that_waits_before_an_event_holds_for_it() -> None:
    anna = subject("", external_id="C-1", source=SHOP)
    ledger.grant(anna, purpose="profiling", source="test", at=NOON - 9 * HOUR)
    source("wk", slug=SHOP)
    no = {"consent": {"categoryPreferences": {"profiling": False}}}

    post("/v1/track", track("m1", context=no), key="wk")
    post("/v1/track", track("m2"), key="wk")
    apply_all(now=NOON + timedelta(days=400))

    assert not Event.objects.exists()
    assert not ConsentState.objects.get(purpose="profiling").is_granted


@pytest.mark.django_db
def test_whoever_is_merged_with_one_who_refused_is_not_profiled() -> None:
    anna = subject("", external_id="C-1", source=SHOP)
    ledger.grant(anna, purpose="profiling", source="page", at=NOON - 2 * HOUR)
    view = {"external_id": "", "anonymous_id": "anon-1"}
    take_in(event("o1", **view))
    visitor = Event.objects.get().profile_id
    no = ledger.Statement(
        subject_id=visitor, purpose="profiling", action="withdrawn", source="page",
        occurred_at=NOON - 3 * HOUR, is_own_choice=True,
    )  # fmt: skip
    ledger.record_many([no])

    applied = take_in(
        event("i1", "", type="identify", anonymous_id="anon-1"), event("v1", "Product Viewed")
    )

    assert applied.refused == 1
    assert not Event.objects.filter(name="Product Viewed").exists()


@pytest.mark.django_db
def test_every_accepted_event_ends_in_exactly_one_count() -> None:
    anna = subject("", external_id="C-1", source="website")
    ledger.grant(anna, purpose="profiling", source="test", at=NOON)
    source()
    batch = [
        track("ok"), track("late", timestamp="1980-01-01T00:00:00Z"), track("bad", timestamp="x"),
        {**track("stranger"), "userId": None, "anonymousId": "a"}, track("C-2", userId="C-2"),
        {"type": "group", "userId": "C-1", "groupId": "g", "messageId": "g"}, 5,
    ]  # fmt: skip

    post("/v1/batch", {"batch": batch})
    apply_all(now=NOON + timedelta(days=400))
    post("/v1/batch", {"batch": [track("ok")]})
    apply_all(now=NOON + timedelta(days=400))

    counts: dict[str, int] = {}
    for outcome, count in SourceDay.objects.values_list("outcome", "count"):
        counts[outcome] = counts.get(outcome, 0) + count
    ends = sum(counts[name] for name in ("stored", "refused", "repeated", "quarantined"))
    assert counts["accepted"] == ends == len(batch) + 1
    assert InboxEvent.objects.count() == counts["quarantined"] == 3
