"""Forget models that no kept receipt can name any more."""

from datetime import datetime, timedelta

from django.conf import settings

from personalization.models import RecommendationModel

# A process may decide with a model a moment longer than it is live.
_GRACE = timedelta(days=1)


def forget_old(*, now: datetime) -> int:
    """Remove models whose successor took over before the oldest kept receipt; return how many."""
    before = now - timedelta(days=settings.ATTUNE_RECEIPT_DAYS) - _GRACE
    rows = RecommendationModel.objects.order_by("number").values_list("number", "trained_at")
    numbers = [number for number, _ in rows]
    followed = zip(numbers, [trained_at for _, trained_at in rows][1:], strict=False)
    gone = [number for number, replaced_at in followed if replaced_at < before]
    removed, _ = RecommendationModel.objects.filter(number__in=gone, is_live=False).delete()
    return removed
