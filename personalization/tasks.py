"""Celery entry points. One call each."""

from datetime import timedelta

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.utils import timezone

from personalization import traits
from personalization.importing import expiry, intake, settling, undo
from personalization.ingest import apply, keys, partitions, retention
from personalization.receipts import retention as receipts
from personalization.recommendations import retention as model_retention
from personalization.recommendations import train
from personalization.rules import simulate
from personalization.segments import checking, history, tending, unasked, upkeep
from personalization.sources import deliveries

# A nudge or the scheduler starts the next one.
SHIFT = timedelta(minutes=3)


@shared_task
def apply_inbox() -> None:
    """Apply waiting events until nothing waits that no other worker is at, or the shift is over:
    well before the time that a task may take, whose end would undo the batch it comes in."""
    for batch in apply.apply_waiting(clock=timezone.now, shift=SHIFT):
        if batch.taken and unasked.is_anything_kept():
            keep_segments.delay()


@shared_task
def tend_events() -> None:
    """Keep the months ahead ready, forget what is too old, and finish what an import left."""
    partitions.ensure_ahead(now=timezone.now())
    keys.forget_old(now=timezone.now())
    if retention.remove_old(now=timezone.now()).months:
        # Whole tables went, and no row of them told whom it was about.
        upkeep.make_stale()
    receipts.forget_old(now=timezone.now())
    expiry.remove_old_values(now=timezone.now())
    settling.settle(now=timezone.now())


@shared_task(base=DjangoTask)
def keep_segments() -> None:
    """Bring the members of segments up to date for who changed, and for whom it is time."""
    upkeep.keep_up(clock=timezone.now)


@shared_task(base=DjangoTask, acks_late=False)
def tend_segment(segment_id: int, step: str, job_id: int) -> None:
    """Check or rebuild one segment, as asked for on its page."""
    tending.work(segment_id, step=step, job_id=job_id, now=timezone.now())


@shared_task
def check_segments() -> None:
    """Compare all members with a count over everybody; forget what is past its retention."""
    checking.check_all(now=timezone.now())
    history.forget_old(now=timezone.now())


@shared_task
def compute_traits() -> None:
    """Fit anew what traits need of everybody, and make everybody due."""
    traits.start_full(now=timezone.now())


@shared_task
def compute_due_traits() -> None:
    """Derive the traits of those whose data changed."""
    traits.compute_due(now=timezone.now())


@shared_task
def recompute_traits() -> None:
    """Make everybody due, as after a change of a definition, and begin at once."""
    traits.queue_everybody()
    traits.compute_due(now=timezone.now())


@shared_task
def train_recommendations() -> None:
    """Fit the recommendations to the latest orders, put them live, forget what nobody needs."""
    train.train(now=timezone.now())
    model_retention.forget_old(now=timezone.now())


@shared_task
def work_webhooks() -> None:
    """Work on the deliveries of shops and CRMs until none is due."""
    while deliveries.work(now=timezone.now()).taken:
        pass


@shared_task
def tend_webhooks() -> None:
    """Forget deliveries that nobody needs any more."""
    deliveries.forget_old(now=timezone.now())


# Long, so it is told done at once: a message that comes back after minutes would do it twice. A
# worker that dies leaves a job that says so (`tend_imports`), to be started again.
@shared_task(base=DjangoTask, acks_late=False, soft_time_limit=86_000, time_limit=86_400)
def work_on_import(run_id: int, step: str) -> None:
    """Check, load or undo an uploaded file."""
    steps = {"check": intake.check, "load": intake.load, "undo": undo.perform}
    steps[step](run_id, now=timezone.now())


# As long as an import; who asks again begins anew.
@shared_task(base=DjangoTask, acks_late=False, soft_time_limit=86_000, time_limit=86_400)
def simulate_ruleset(job_id: int) -> None:
    """Decide for everybody by two versions and count what changes."""
    simulate.run(job_id, now=timezone.now())


@shared_task
def tend_imports() -> None:
    """Fail the imports whose worker died; forget old files."""
    intake.settle(now=timezone.now())
