"""The way of an uploaded file: taken, its columns chosen, checked, loaded; each step a job."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.text import slugify

from consent import audit, jobs
from consent.jobs import JobCancelled
from consent.models import Job
from personalization.importing import afterwards, rejected, run, uploads
from personalization.importing.rows import UnreadableError
from personalization.importing.run import Work
from personalization.models import ImportRun, Source

State = ImportRun.State
# A job writes a sign of life with every batch; after this long its process is dead.
SILENCE = timedelta(minutes=15)
KINDS_OF_JOB = ("import_customers", "import_products", "import_events", "undo_import")
# A wake-up that got lost: no worker took the job in this time.
UNHEARD = timedelta(hours=1)
_LOST = "No worker took this job within an hour. Is a worker running? Start it again."
_DIED = "The worker that ran this died. What it took stays; start it again to go on."


def take(
    chunks: Iterable[bytes],
    *,
    name: str,
    kind: str,
    source: Source,
    actor: AbstractBaseUser,
    now: datetime,
) -> ImportRun:
    """Keep an uploaded file; an UnreadableError says why it cannot be taken."""
    stored = uploads.store(chunks, name=name)
    with transaction.atomic():
        taken = ImportRun.objects.create(
            kind=kind,
            source=source,
            file_name=name[:200],
            stored_as=stored.stored_as,
            size=stored.size,
            created_by_id=actor.pk,
            created_at=now,
        )
        audit.note("import.upload", actor=actor, target=taken)
    return taken


def source_named(name: str) -> Source:
    """Return the source of files of this name, made if there is none."""
    slug = slugify(name)[:50] or run.DEFAULT_SOURCE
    return run.source_of_files(slug, name=name[:100])


@transaction.atomic
def ask_check(run_id: int, *, mapping: Mapping[str, str], actor: AbstractBaseUser) -> Job | None:
    """Keep the choice of columns and queue a dry run; None where the file is past that."""
    taken = ImportRun.objects.select_for_update().get(pk=run_id)
    if taken.state not in (State.UPLOADED, State.CHECKED) or is_going_on(taken.check_job):
        return None
    taken.mapping = dict(mapping)
    taken.state = State.UPLOADED
    taken.check_job = _job(taken, what="Check", actor=actor)
    taken.save(update_fields=["mapping", "state", "check_job"])
    return taken.check_job


@transaction.atomic
def ask_load(run_id: int, *, actor: AbstractBaseUser, now: datetime) -> Job | None:
    """Queue the loading of a checked file, or of one whose loading was stopped on the way."""
    taken = ImportRun.objects.select_for_update().get(pk=run_id)
    if not may_load(taken):
        return None
    taken.state = State.LOADING
    taken.began_at = taken.began_at or now
    taken.load_job = _job(taken, what="Import", actor=actor)
    taken.save(update_fields=["state", "began_at", "load_job"])
    return taken.load_job


def may_load(taken: ImportRun) -> bool:
    """Tell whether a file waits to be loaded, or stopped half-way."""
    if not taken.stored_as or taken.undo_job is not None:
        return False
    if taken.state == State.CHECKED:
        return True
    return taken.state == State.LOADING and not is_going_on(taken.load_job)


def is_going_on(job: Job | None) -> bool:
    return job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING)


def check(run_id: int, *, now: datetime) -> None:
    """Read the whole file and judge it; nothing is written."""
    taken = _taken(run_id)
    job = taken.check_job
    if job is None or job.state != Job.State.QUEUED:
        return
    if _perform(taken, job=job, now=now, import_id=None):
        ImportRun.objects.filter(pk=run_id, state=State.UPLOADED).update(state=State.CHECKED)


def load(run_id: int, *, now: datetime) -> None:
    """Load the file and throw it away; stopped on the way it can be loaded again."""
    taken = _taken(run_id)
    job = taken.load_job
    if job is None or job.state != Job.State.QUEUED:
        return
    if _perform(taken, job=job, now=taken.began_at or now, import_id=run_id):
        uploads.remove(taken.stored_as, keep_rejected=True)
        ImportRun.objects.filter(pk=run_id).update(loaded_at=now)


@transaction.atomic
def discard(run_id: int, *, actor: AbstractBaseUser) -> bool:
    """Throw away a file that was not loaded, and forget it was there."""
    taken = ImportRun.objects.select_for_update().get(pk=run_id)
    if taken.state not in (State.UPLOADED, State.CHECKED) or is_going_on(taken.check_job):
        return False
    uploads.remove(taken.stored_as)
    audit.note("import.discard", actor=actor, target=taken)
    taken.delete()
    return True


def settle(*, now: datetime) -> int:
    """Fail the jobs whose worker died, so that they can be started again; forget old files."""
    dead = [job for job in jobs.abandoned(since=now - SILENCE) if job.kind in KINDS_OF_JOB]
    for job in dead:
        alive = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, beat_at=job.beat_at)
        if alive.update(state=Job.State.FAILED, message=_DIED, ended_at=now):
            _note_what_follows(job)
    waiting = Job.objects.filter(
        kind__in=KINDS_OF_JOB, state=Job.State.QUEUED, created_at__lt=now - UNHEARD
    )
    lost = waiting.update(state=Job.State.FAILED, message=_LOST, ended_at=now)
    uploads.sweep(now=now)
    return len(dead) + lost


def _note_what_follows(dead: Job) -> None:
    """Note who was seen and whose segments and traits are due, as an import does at its end."""
    for run_id in ImportRun.objects.filter(load_job=dead, kind="events").values_list(
        "pk", flat=True
    ):
        afterwards.note_of_import(run_id)


def _job(taken: ImportRun, *, what: str, actor: AbstractBaseUser) -> Job:
    label = f"{what} {taken.kind} from {taken.file_name}"
    return jobs.create(f"import_{taken.kind}", label=label[:200], actor=actor)


def _taken(run_id: int) -> ImportRun:
    return ImportRun.objects.select_related("source", "check_job", "load_job").get(pk=run_id)


def _perform(taken: ImportRun, *, job: Job, now: datetime, import_id: int | None) -> bool:
    """Do one job; say whether it came to its end. What is wrong with the file stands in it."""
    try:
        path = uploads.path(taken.stored_as)
        work = Work(
            kind=taken.kind,
            path=path,
            source=taken.source,
            job=job,
            now=now,
            mapping=taken.mapping,
            import_id=import_id,
        )
        outcome = run.perform(work)
    except JobCancelled:
        return False
    except UnreadableError as error:
        text = str(error).replace(str(uploads.folder() / taken.stored_as), taken.file_name)
        Job.objects.filter(pk=job.pk).update(message=f"{text}.")
        return False
    finally:
        _close(taken)
    return outcome.job.state == Job.State.DONE


def _close(taken: ImportRun) -> None:
    """Close the list of rejected rows to other accounts, as the file is."""
    if taken.stored_as:
        listed = rejected.path_for(uploads.folder() / taken.stored_as)
        if listed.exists():
            listed.chmod(0o600)
