"""Celery entry points. One call each."""

from celery import shared_task
from django.utils import timezone

from personalization.ingest import apply, partitions
from personalization.segments import membership


@shared_task
def apply_inbox() -> None:
    """Apply waiting events until the inbox is empty."""
    while apply.apply_batch(now=timezone.now()).taken:
        pass


@shared_task
def make_partitions() -> None:
    """Keep the months ahead ready."""
    partitions.ensure_ahead(now=timezone.now())


@shared_task
def rebuild_segments() -> None:
    """Bring time-based memberships up to date."""
    membership.rebuild_all(now=timezone.now())
