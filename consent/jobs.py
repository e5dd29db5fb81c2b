"""Run a long action as a Job: progress that is seen, a cancel that is heard, a place to go on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from consent.models import Job, JobError

WRITE_EVERY_SECONDS = 0.5
# A file of only bad rows must not fill the database; the rejected-rows file has them all.
ERRORS_KEPT = 1000

Show = Callable[[Job], None]


class JobCancelled(Exception):
    """Someone asked for a stop; what was done so far stays, and the job can be taken up again."""


class Progress:
    """The running side of a Job. Writes are spaced out, so advancing per row is cheap."""

    def __init__(self, job: Job, *, show: Show | None = None) -> None:
        self.job = job
        self._show = show
        self._written = 0.0
        self._errors = job.errors.count()

    @property
    def cursor(self) -> dict[str, object]:
        cursor: dict[str, object] = self.job.cursor
        return cursor

    def expect(self, total: int) -> None:
        self.job.total = total
        self._write()

    def advance(self, count: int, *, cursor: dict[str, object] | None = None) -> None:
        """Count what is done for good; raise JobCancelled when a stop was asked for."""
        self.job.done += count
        if cursor is not None:
            self.job.cursor = cursor
        if time.monotonic() - self._written >= WRITE_EVERY_SECONDS:
            self._write()
            if Job.objects.filter(pk=self.job.pk, cancel_asked=True).exists():
                raise JobCancelled(f"{self.job} was cancelled after {self.job.done}")

    def reject(self, *, reason: str, line: int | None = None, column: str = "") -> None:
        """Note one input row that could not be taken; the reason holds no personal value."""
        self._errors += 1
        if self._errors <= ERRORS_KEPT:
            JobError.objects.create(job=self.job, line=line, column=column, reason=reason)

    def result(self, **figures: object) -> None:
        self.job.result = {**self.job.result, **figures}

    def _write(self) -> None:
        self._written = time.monotonic()
        self.job.beat_at = timezone.now()
        self.job.save(update_fields=["done", "total", "cursor", "beat_at", "result"])
        if self._show:
            self._show(self.job)


def create(
    kind: str,
    *,
    label: str = "",
    actor: AbstractBaseUser | None = None,
    cursor: dict[str, object] | None = None,
) -> Job:
    """Queue a job for a worker to run."""
    return Job.objects.create(
        kind=kind, label=label, actor_id=actor.pk if actor else None, cursor=cursor or {}
    )


@contextmanager
def run(job: Job, *, show: Show | None = None) -> Iterator[Progress]:
    """Run the body as this job; its end is recorded whatever happens.

    A cancel ends the body quietly; any other exception is recorded by its kind and raised on.
    A job that was cancelled before it began raises JobCancelled at once; one that was stopped on
    the way goes on from its cursor.
    """
    _begin(job)
    progress = Progress(job, show=show)
    try:
        yield progress
        _end(job, state=Job.State.DONE)
    except JobCancelled as cancelled:
        _end(job, state=Job.State.CANCELLED, message=str(cancelled))
    except BaseException as error:
        # Only the kind of error: its text may quote a row.
        _end(job, state=Job.State.FAILED, message=f"{type(error).__name__}: see the log")
        raise
    finally:
        if show:
            show(job)


def cancel(job: Job) -> None:
    """Ask a job to stop at its next step; one that waits is over at once."""
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if not waiting.update(state=Job.State.CANCELLED, ended_at=timezone.now()):
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_asked=True)


def abandoned(*, since: datetime) -> "list[Job]":
    """Return jobs that say they run but gave no sign of life: their process died."""
    return list(Job.objects.filter(state=Job.State.RUNNING, beat_at__lt=since))


def _begin(job: Job) -> None:
    now = timezone.now()
    never_began = Job.objects.filter(state=Job.State.CANCELLED, started_at=None)
    taken = Job.objects.filter(pk=job.pk).exclude(pk__in=never_began)
    if not taken.update(
        state=Job.State.RUNNING,
        started_at=job.started_at or now,
        # From the first moment: a process that dies before its first step has to be missed, too.
        beat_at=now,
        cancel_asked=False,
        message="",
        ended_at=None,
    ):
        raise JobCancelled(f"{job} was cancelled before it began")
    job.refresh_from_db()


def _end(job: Job, *, state: str, message: str = "") -> None:
    job.state, job.message, job.ended_at = state, message, timezone.now()
    job.save(update_fields=["state", "message", "ended_at", "done", "total", "cursor", "result"])
