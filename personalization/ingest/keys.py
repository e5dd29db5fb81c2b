"""Forget the message ids that no repeat is expected of any more."""

from datetime import datetime, timedelta

from personalization.models import EventKey

KEPT = timedelta(days=90)


def forget_old(*, now: datetime) -> int:
    """Delete keys seen longer ago than 90 days; return how many."""
    deleted, _ = EventKey.objects.filter(seen_at__lt=now - KEPT).delete()
    return deleted
