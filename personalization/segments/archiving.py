"""Put a segment away that nothing uses any more, and bring it back."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from consent import audit
from personalization.models import Segment
from personalization.segments import changes, membership, used
from personalization.segments.used import Use


@transaction.atomic
def archive(segment: Segment, *, actor: AbstractBaseUser | None, now: datetime) -> Sequence[Use]:
    """Put a segment away, or return what still decides by it; then nothing was done.

    Its members leave it: of people nothing is kept that nothing uses. Who was put on a list by
    hand stays on it.
    """
    # Before the row, as whoever changes members does it: they write sizes to it.
    changes.claim(is_patient=True)
    kept = Segment.objects.select_for_update().get(pk=segment.pk)
    if kept.is_archived:
        return ()
    holding = [use for use in used.uses(kept) if not use.is_over]
    if holding:
        return holding
    # What is wrong with it is found again when it is back.
    Segment.objects.filter(pk=kept.pk).update(is_archived=True, faults=[], broken_since=None)
    kept.refresh_from_db()
    left = membership.rebuild(kept, now=now).left
    Segment.objects.filter(pk=kept.pk).update(timed_up_to=None)
    audit.note("segment.archive", actor=actor, target=kept, detail={"left": left})
    return ()


@transaction.atomic
def restore(segment: Segment, *, actor: AbstractBaseUser | None) -> bool:
    """Bring a segment back, and say whether it was away; its door wakes who counts it anew."""
    # A trigger of the database makes it stale.
    is_back = Segment.objects.filter(pk=segment.pk, is_archived=True).update(is_archived=False)
    if is_back:
        # What never went live has nothing to count.
        idle = Segment.objects.filter(live=None, kind=Segment.Kind.CONDITION)
        idle.filter(pk=segment.pk).update(is_stale=False)
        audit.note("segment.restore", actor=actor, target=segment)
    return bool(is_back)
