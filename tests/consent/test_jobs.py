"""A job shows progress, hears a cancel, goes on from its cursor, and tells no secrets."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent import jobs
from consent.models import Job, JobError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _writes_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "WRITE_EVERY_SECONDS", 0)


def test_progress_is_seen_while_the_job_runs_and_its_end_is_kept() -> None:
    job = jobs.create("import", label="Import customers")
    seen: list[tuple[str, int, int | None]] = []

    def look(_: Job) -> None:
        stored = Job.objects.get(pk=job.pk)
        seen.append((stored.state, stored.done, stored.percent))

    with jobs.run(job, show=look) as progress:
        progress.expect(4)
        progress.advance(1)
        progress.advance(3)
        progress.result(loaded=4)

    job.refresh_from_db()
    assert seen == [("running", 0, 0), ("running", 1, 25), ("running", 4, 100), ("done", 4, 100)]
    assert (job.state, job.result, job.message) == ("done", {"loaded": 4}, "")
    assert job.started_at is not None
    assert job.ended_at is not None


def test_a_cancel_stops_at_the_next_step_and_keeps_what_was_done() -> None:
    job = jobs.create("import")
    steps = 0

    with jobs.run(job) as progress:
        for steps in range(1, 10):
            if steps == 3:
                jobs.cancel(Job.objects.get(pk=job.pk))
            progress.advance(10, cursor={"line": steps})

    job.refresh_from_db()
    assert steps == 3
    assert (job.state, job.done, job.cursor) == ("cancelled", 30, {"line": 3})


def test_a_stopped_job_goes_on_from_its_cursor() -> None:
    job = jobs.create("import", cursor={"line": 0})
    rows = list(range(10))
    taken: list[int] = []

    def work(*, stop_at: int) -> None:
        with jobs.run(Job.objects.get(pk=job.pk)) as progress:
            start = progress.cursor["line"]
            assert isinstance(start, int)
            for row in rows[start:]:
                taken.append(row)
                if row == stop_at:
                    jobs.cancel(job)
                progress.advance(1, cursor={"line": row + 1})

    work(stop_at=4)
    work(stop_at=-1)

    job.refresh_from_db()
    assert taken == rows
    assert (job.state, job.done, job.cursor, job.cancel_asked) == ("done", 10, {"line": 10}, False)


def test_a_job_cancelled_while_it_waits_never_begins() -> None:
    job = jobs.create("import")
    ran = False

    jobs.cancel(job)
    with pytest.raises(jobs.JobCancelled, match="before it began"), jobs.run(job):
        ran = True

    job.refresh_from_db()
    assert not ran
    assert (job.state, job.started_at) == ("cancelled", None)


def test_a_job_that_is_over_cannot_be_cancelled() -> None:
    job = jobs.create("import")
    with jobs.run(job):
        pass

    jobs.cancel(job)

    job.refresh_from_db()
    assert (job.state, job.cancel_asked) == ("done", False)


def test_bad_rows_are_kept_up_to_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ERRORS_KEPT", 3)
    job = jobs.create("import")

    for _ in range(2):
        with jobs.run(job) as progress:
            for line in (1, 2):
                progress.reject(line=line, column="email", reason="is not an email address")

    assert list(JobError.objects.values_list("line", flat=True)) == [1, 1, 2]


def test_a_failed_job_keeps_the_kind_of_error_and_not_its_text() -> None:
    job = jobs.create("import")

    def work() -> None:
        with jobs.run(job) as progress:
            progress.advance(7, cursor={"line": 7})
            raise ValueError("anna@example.com is not valid")

    with pytest.raises(ValueError, match="anna"):
        work()

    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "ValueError: see the log")
    assert (job.done, job.cursor) == (7, {"line": 7})
    assert "anna" not in str(Job.objects.values().get())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_job_does_not_look_as_if_it_ran_on(error: type[BaseException]) -> None:
    job = jobs.create("import")

    with pytest.raises(error), jobs.run(job):
        raise error

    job.refresh_from_db()
    assert job.state == "failed"


def test_a_job_whose_process_died_is_abandoned_even_before_its_first_step() -> None:
    dead, alive, waiting = (jobs.create(name) for name in ("dead", "alive", "waiting"))
    # Entered and never left, as by a killed process.
    entered = [jobs.run(job) for job in (dead, alive)]
    for each in entered:
        each.__enter__()
    soon = timezone.now() + timedelta(seconds=1)
    assert set(jobs.abandoned(since=soon)) == {dead, alive}
    Job.objects.filter(pk=dead.pk).update(beat_at=timezone.now() - timedelta(minutes=5))

    found = jobs.abandoned(since=timezone.now() - timedelta(minutes=1))

    assert found == [dead]
    assert waiting.beat_at is None
