"""An import is killed again and again: nothing is lost, half-written or counted twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from config.processes import ROOT
from consent.models import Job
from personalization.importing import intake, undo
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    EventKey,
    ImportRun,
    Order,
    ProfileDue,
    SegmentTouch,
)
from tests.personalization.ground import committing, real_commits
from tests.personalization.importing_support import product, write_json_lines
from tests.personalization.sdk import server

__all__ = ["real_commits"]

ROWS, PEOPLE = 32_000, 6_000
BEGIN = datetime(2026, 3, 30, tzinfo=UTC)
# Seconds from one batch more until the end: between batches, and in several places of the next.
DELAYS = (0.0, 0.1)


def told(number: int) -> dict[str, Any]:
    """Every ninth row is an order, every hundredth repeats an earlier message."""
    is_order = number % 9 == 0
    properties: dict[str, Any] = {"product_id": "boots" if number % 2 else "unknown", "price": 5}
    if is_order:
        properties |= {"order_id": f"O-{number}", "total": 12.34}
    repeated = number > 20_000 and number % 100 == 0
    return {
        "message_id": f"m-{number - 20_000 if repeated else number}",
        "event": "Order Completed" if is_order else "Product Viewed",
        # New people all the way.
        "external_id": f"C-{number * PEOPLE // ROWS if number % 3 else number % 50}",
        "timestamp": (BEGIN + timedelta(minutes=number)).isoformat(),
        "properties": properties,
    }


def fresh() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number in range(ROWS):
        row = told(number)
        found.setdefault(row["message_id"], row)
    return found


@pytest.fixture
def environment(real_commits: None) -> dict[str, str]:
    url = server._of_tests(os.environ["DATABASE_URL"])
    return {**os.environ, "DATABASE_URL": url, "ATTUNE_DEMO": "1"}


@committing
@pytest.mark.long
def test_killed_at_any_moment_and_run_again_it_comes_to_the_same_and_can_be_undone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    product("boots")
    path = write_json_lines(tmp_path / "events.jsonl", *map(told, range(ROWS)))

    for delay in DELAYS:
        kill_after_a_batch(path, delay=delay, environment=environment)
        counts_are_those_of_the_events()
    killed_at = Event.objects.count()
    assert 0 < killed_at < len(fresh())
    run_to_its_end(path, environment=environment)

    counts_are_those_of_the_events()
    everything_is_there()
    before = [list(each.objects.order_by("pk").values()) for each in (Event, EventItem, EventDaily)]
    run_to_its_end(path, environment=environment)
    assert before == [
        list(each.objects.order_by("pk").values()) for each in (Event, EventItem, EventDaily)
    ]

    Job.objects.filter(state=Job.State.RUNNING).update(beat_at=timezone.now() - 2 * intake.SILENCE)
    intake.settle(now=timezone.now())
    for imported in ImportRun.objects.all():
        assert undo.ask(imported.pk, actor=None)
        undo.perform(imported.pk, now=timezone.now())
    for model in (Event, EventItem, EventDaily, EventKey):
        assert not model.objects.exists()


def kill_after_a_batch(path: Path, *, delay: float, environment: dict[str, str]) -> None:
    before = Event.objects.count()
    command = [sys.executable, str(Path(ROOT, "manage.py")), "import_events", str(path)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while Event.objects.count() == before and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while _others():
        time.sleep(0.02)


def run_to_its_end(path: Path, *, environment: dict[str, str]) -> None:
    command = [sys.executable, str(Path(ROOT, "manage.py")), "import_events", str(path)]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def counts_are_those_of_the_events() -> None:
    """Whatever is there is whole: an event with its key, its item and its count."""
    events = Event.objects.values_list("id", "name", "profile_id", "occurred_at", "amount")
    days = Counter((person, name, at.date()) for _, name, person, at, _ in events)
    counted = EventDaily.objects.values_list("profile_id", "name", "day", "count")
    assert {tuple(key): count for *key, count in counted} == days
    assert sum(EventDaily.objects.values_list("total", flat=True)) == sum(
        amount or 0 for *_, amount in events
    )
    assert EventKey.objects.count() == len(events)
    with_item = EventItem.objects.values_list("event_id", flat=True)
    views = [id_ for id_, *_ in events]
    assert len(with_item) == len({*with_item})
    assert {*with_item} <= {*views}


def everything_is_there() -> None:
    wanted = fresh()
    assert {*EventKey.objects.values_list("message_id", flat=True)} == wanted.keys()
    assert Event.objects.count() == len(wanted)
    lines = sum(row["properties"]["product_id"] == "boots" for row in wanted.values())
    assert EventItem.objects.count() == lines
    orders = {row["properties"]["order_id"] for row in wanted.values()
              if row["event"] == "Order Completed"}  # fmt: skip
    assert {*Order.objects.values_list("order_id", flat=True)} == orders
    last = dict(Event.objects.order_by("occurred_at").values_list("profile_id", "occurred_at"))
    assert dict(CustomerProfile.objects.values_list("subject_id", "last_seen_at")) == last
    touched = SegmentTouch.objects.filter(cause="event").values_list("profile_id", flat=True)
    assert {*touched} == last.keys()
    due = ProfileDue.objects.filter(work="traits").values_list("profile_id", flat=True)
    assert {*due} == last.keys()


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])
