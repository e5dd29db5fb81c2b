"""Events are read in batches ahead of the database, and counted in arrays: exactly."""

import gc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from consent import jobs
from consent.models import Job
from personalization.importing import afterwards, event_batches, events, intake
from personalization.importing.rows import Row, UnreadableError
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventKey,
    ImportRun,
    ProfileDue,
    SegmentTouch,
    Source,
)
from tests.personalization.importing_support import NOON, YESTERDAY, Rejections, load, rows_of

pytestmark = pytest.mark.django_db

ORDER: dict[str, Any] = {
    "message_id": "m-1",
    "event": "Order Completed",
    "external_id": "C-1",
    "timestamp": YESTERDAY,
    "properties": {"total": 5},
}


def load_as(import_id: int, *told: dict[str, Any]) -> None:
    origin, _ = Source.objects.get_or_create(slug="file", defaults={"name": "File"})
    events.load(
        rows_of(told),
        source=origin,
        now=NOON,
        progress=jobs.Progress(jobs.create("import")),
        rejected=Rejections(),
        import_id=import_id,
    )


def ordered(**changed: Any) -> dict[str, Any]:
    return {**ORDER, **changed}


def test_the_garbage_collector_rests_only_while_an_import_runs() -> None:
    seen: list[bool] = []

    def rows() -> Iterator[Row]:
        for row in rows_of([ORDER]):
            seen.append(gc.isenabled())
            yield row

    origin = Source.objects.create(slug="file", name="File")
    progress = jobs.Progress(jobs.create("import"))

    events.load(rows(), source=origin, now=NOON, progress=progress, rejected=Rejections())

    assert seen == [False]
    assert gc.isenabled()


def test_rows_before_a_file_breaks_off_are_loaded_and_then_it_is_said_why() -> None:
    def rows() -> Iterator[Row]:
        yield from rows_of([ORDER])
        raise UnreadableError("cut off")

    origin = Source.objects.create(slug="file", name="File")
    progress = jobs.Progress(jobs.create("import"))

    with pytest.raises(UnreadableError, match="cut off"):
        events.load(rows(), source=origin, now=NOON, progress=progress, rejected=Rejections())

    assert Event.objects.count() == 1
    assert progress.job.done == 1


def test_days_and_sums_are_exact_for_amounts_of_either_sign_and_times_of_any_precision() -> None:
    late, early = "2026-11-22T23:59:59.999999Z", "2026-11-21T00:00:00.000001+00:00"
    load(
        "events",
        ordered(message_id="a", timestamp=late, properties={"total": "999999999999.99"}),
        ordered(message_id="b", timestamp=late, properties={"total": "-0.07"}),
        ordered(message_id="c", timestamp=early, properties={"total": "12.5"}),
        ordered(message_id="d", timestamp=early, event="Refunded", properties={}),
    )

    days = EventDaily.objects.order_by("day", "name").values_list("day", "name", "count", "total")
    assert list(days) == [
        (date(2026, 11, 21), "Order Completed", 1, Decimal("12.50")),
        (date(2026, 11, 21), "Refunded", 1, Decimal("0.00")),
        (date(2026, 11, 22), "Order Completed", 2, Decimal("999999999999.92")),
    ]
    profile = CustomerProfile.objects.get()
    assert profile.first_seen_at == datetime(2026, 11, 21, 0, 0, 0, 1, tzinfo=UTC)
    assert profile.last_seen_at == datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)


def test_people_are_noted_as_seen_over_several_batches_also_when_stopped_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_batches, "BATCH_ROWS", 1)
    days = ("2026-11-20", "2026-11-22", "2026-11-18")

    def rows() -> Iterator[Row]:
        yield from rows_of(ordered(message_id=each, timestamp=f"{each}T08:00:00Z") for each in days)
        raise UnreadableError("cut off")

    origin = Source.objects.create(slug="file", name="File")
    progress = jobs.Progress(jobs.create("import"))

    with pytest.raises(UnreadableError):
        events.load(
            rows(), source=origin, now=NOON, progress=progress, rejected=Rejections(), import_id=7
        )

    profile = CustomerProfile.objects.get()
    assert profile.first_seen_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert profile.last_seen_at == datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_who_is_due_for_what_is_noted_once_at_the_end_of_an_import_with_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_batches, "BATCH_ROWS", 2)
    told = [
        ordered(message_id="a", timestamp="2026-11-20T08:00:00Z"),
        ordered(message_id="b", event="Refunded", external_id="C-2"),
        ordered(message_id="c", event="Refunded"),
        ordered(message_id="d", timestamp="2026-11-22T08:00:00Z"),
        ordered(message_id="e", timestamp="2026-11-21T08:00:00Z"),
    ]

    load_as(7, *told)

    latest = {
        (each.profile_id, each.name): each.pk for each in Event.objects.order_by("occurred_at")
    }
    touches = SegmentTouch.objects.filter(cause="event", is_bulk=True)
    assert {(each.profile_id, each.event_name): each.event_id for each in touches} == latest
    assert touches.count() == len(latest) == 3
    assert {each.event_id: each.event_at for each in touches} == {
        each.pk: each.occurred_at for each in Event.objects.filter(pk__in=latest.values())
    }
    due = ProfileDue.objects.filter(work="traits").values_list("profile_id", flat=True)
    assert set(due) == {profile for profile, _ in latest}


def test_it_comes_to_the_same_where_the_memory_is_emptied_on_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_batches, "BATCH_ROWS", 1)
    monkeypatch.setattr(afterwards, "KEPT", 1)
    days = ("2026-11-20", "2026-11-22", "2026-11-18")

    load_as(7, *(ordered(message_id=each, timestamp=f"{each}T08:00:00Z") for each in days))

    profile = CustomerProfile.objects.get()
    assert profile.first_seen_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert profile.last_seen_at == datetime(2026, 11, 22, 8, tzinfo=UTC)
    touched = set(SegmentTouch.objects.filter(cause="event").values_list("event_id", flat=True))
    assert Event.objects.get(occurred_at=profile.last_seen_at).pk in touched
    assert ProfileDue.objects.filter(work="traits").count() == 1


def test_what_a_killed_import_did_not_note_is_noted_when_its_job_is_found_dead() -> None:
    origin = Source.objects.create(slug="file", name="File")
    job = jobs.create("import_events")
    run = ImportRun.objects.create(kind="events", source=origin, load_job=job, began_at=NOON)
    progress = jobs.Progress(job)
    events.load(
        rows_of([ORDER]),
        source=origin,
        now=NOON,
        progress=progress,
        rejected=Rejections(),
        import_id=run.pk,
    )
    seen = CustomerProfile.objects.get().last_seen_at
    CustomerProfile.objects.update(last_seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    SegmentTouch.objects.all().delete()
    ProfileDue.objects.all().delete()
    Job.objects.update(state=Job.State.RUNNING, beat_at=NOON - 2 * intake.SILENCE)

    intake.settle(now=NOON)

    assert Job.objects.get(pk=job.pk).state == Job.State.FAILED
    assert CustomerProfile.objects.get().last_seen_at == seen
    assert SegmentTouch.objects.get(cause="event").event_id == Event.objects.get().pk
    assert ProfileDue.objects.get().work == "traits"


def test_who_runs_a_killed_import_again_need_not_wait_until_it_is_found_dead() -> None:
    job = jobs.create("import_events")
    origin = Source.objects.create(slug="file", name="File")
    run = ImportRun.objects.create(kind="events", source=origin, load_job=job, began_at=NOON)
    load_as(run.pk, ORDER)
    SegmentTouch.objects.all().delete()
    ProfileDue.objects.all().delete()
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)

    load_as(run.pk + 1, ORDER)

    assert Event.objects.count() == 1
    assert SegmentTouch.objects.get(cause="event").event_id == Event.objects.get().pk
    assert ProfileDue.objects.get().work == "traits"


def test_repeats_are_told_in_every_batch_of_a_file_and_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_batches, "BATCH_ROWS", 2)
    load("events", ordered(message_id="b"))

    outcome = load(
        "events",
        *(ordered(message_id=each) for each in ("a", "c\\t", "b", "d", "d", "e", "a", "f")),
    )

    assert (outcome.loaded, outcome.unchanged) == (5, 3)
    kept = EventKey.objects.order_by("message_id").values_list("message_id", flat=True)
    assert list(kept) == ["a", "b", "c\\t", "d", "e", "f"]
    assert Event.objects.count() == EventDaily.objects.get().count == 6
