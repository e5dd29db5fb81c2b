"""Check or rebuild one segment as a job that somebody asked for."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from consent import audit, jobs
from consent.models import Job
from personalization.models import Segment
from personalization.segments import checking, health, membership

STEPS = {"check": "Check", "rebuild": "Rebuild"}


def ask(segment: Segment, *, step: str, actor: AbstractBaseUser) -> Job:
    """Queue the work; its door wakes a worker."""
    audit.note(f"segment.{step}", actor=actor, target=segment)
    return jobs.create(f"segment_{step}", label=f"{STEPS[step]} “{segment.name}”", actor=actor)


def work(segment_id: int, *, step: str, job_id: int, now: datetime) -> None:
    """Compare the members with a count over everybody, or make them those of that count."""
    job = Job.objects.get(pk=job_id)
    with jobs.run(job) as progress:
        progress.expect(1)
        segment = Segment.objects.select_related("live").get(pk=segment_id)
        if step == "rebuild":
            # Also one that failed on the way gets another chance.
            health.forgive(segment)
            health.settle(now=now)
            segment.refresh_from_db()
            change = membership.rebuild(segment, now=now)
            progress.result(entered=change.entered, left=change.left, size=change.size)
        found = checking.check(segment, now=now)
        progress.result(missing=found.missing, extra=found.extra)
        progress.advance(1)
