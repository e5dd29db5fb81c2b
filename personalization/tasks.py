"""Celery entry points. One call each."""

from celery import shared_task
from django.utils import timezone

from personalization.ingest import apply, keys, partitions
from personalization.profiles import traits
from personalization.recommendations import train
from personalization.segments import membership


@shared_task
def apply_inbox() -> None:
    """Apply waiting events until the inbox is empty."""
    while apply.apply_batch(now=timezone.now()).taken:
        pass


@shared_task
def tend_events() -> None:
    """Keep the months ahead ready and forget old message ids."""
    partitions.ensure_ahead(now=timezone.now())
    keys.forget_old(now=timezone.now())


@shared_task
def rebuild_segments() -> None:
    """Bring time-based memberships up to date."""
    membership.rebuild_all(now=timezone.now())


@shared_task
def compute_traits() -> None:
    """Derive traits anew."""
    traits.compute(now=timezone.now())


@shared_task
def train_recommendations() -> None:
    """Fit the recommendations to the latest orders and put them live."""
    train.train(now=timezone.now())
