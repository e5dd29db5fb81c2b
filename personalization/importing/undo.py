"""Undo an import as a job: what it changed and nobody changed since goes back as it was."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from consent import audit, jobs
from consent.models import Job
from personalization.importing import undo_customers, undo_events, undo_products, uploads
from personalization.models import Event, ImportedRow, ImportRun

State = ImportRun.State


@dataclass(frozen=True, slots=True)
class Preview:
    """What an undo would touch, for its confirmation."""

    changed: int
    made: int
    events: int


def preview(run: ImportRun) -> Preview:
    """Count what the import did (two queries)."""
    rows = ImportedRow.objects.filter(run=run)
    return Preview(
        changed=rows.filter(is_new=False).count(),
        made=rows.filter(is_new=True).count(),
        events=Event.objects.filter(import_id=run.pk).count() if run.kind == "events" else 0,
    )


def may_undo(run: ImportRun) -> bool:
    """Tell whether an import has done something that is not undone, and is not at work now."""
    if run.state not in (State.LOADING, State.LOADED) or run.load_job is None:
        return False
    return not any(_is_going_on(job) for job in (run.load_job, run.undo_job))


@transaction.atomic
def ask(run_id: int, *, actor: AbstractBaseUser | None) -> Job | None:
    """Queue the job that undoes an import; None where there is nothing to undo any more."""
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if not may_undo(run):
        return None
    run.undo_job = jobs.create("undo_import", label=f"Undo {run}"[:200], actor=actor)
    run.save(update_fields=["undo_job"])
    audit.note("import.undo", actor=actor, target=run)
    return run.undo_job


def perform(run_id: int, *, now: datetime, show: jobs.Show | None = None) -> None:
    """Undo an import; stopped on the way it goes on where it was when it is asked again."""
    run = ImportRun.objects.select_related("source", "undo_job").get(pk=run_id)
    if run.undo_job is None or run.state == State.UNDONE:
        return
    if run.undo_job.state != Job.State.QUEUED:
        return
    with suppress(jobs.JobCancelled), jobs.run(run.undo_job, show=show) as progress:
        match run.kind:
            case ImportRun.Kind.CUSTOMERS:
                figures = undo_customers.undo(run, progress=progress, now=now)
            case ImportRun.Kind.PRODUCTS:
                figures = undo_products.undo(run, progress=progress, now=now)
            case _:
                figures = undo_events.undo(run, progress=progress, now=now)
        progress.result(**figures)
        ImportRun.objects.filter(pk=run.pk).update(state=State.UNDONE, undone_at=now)
        uploads.remove(run.stored_as, keep_rejected=True)


def _is_going_on(job: Job | None) -> bool:
    return job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING)
