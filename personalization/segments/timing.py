"""Find out whom the passing of time alone may move into or out of a new condition, in parts.

Counting a condition over everybody says who is in it now, not who will be tomorrow. To find that
out each person has to be looked at once; with a million of them that is work for the background,
when nobody who changed waits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from personalization.conditions.expiry import clockwork
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import needs, parse
from personalization.models import CustomerProfile, Segment
from personalization.models.segment import SegmentQuerySet
from personalization.segments import waiting
from personalization.segments.waiting import Movable

PART = 20_000
_BEGINNING = timedelta(days=36500)


def note_part(*, catalogue: Catalogue, now: datetime) -> bool:
    """Note the next people of those conditions that have most left; False where none has any.

    One that is behind goes on alone until it has caught up, then with the others: whoever is
    looked at is looked at once for all of them.
    """
    unfinished = list(_unfinished().select_related("live").order_by("timed_up_to", "pk"))
    if not unfinished:
        return False
    after = unfinished[0].timed_up_to or 0
    ahead = [at for each in unfinished if (at := each.timed_up_to or 0) > after]
    last = waiting.note_timed(
        _movable(unfinished[: len(unfinished) - len(ahead)], catalogue=catalogue, now=now),
        after=after,
        until=min(ahead, default=None),
        limit=PART,
        now=now,
    )
    together = Segment.objects.filter(pk__in=[each.pk for each in unfinished], timed_up_to=after)
    together.update(timed_up_to=last)
    return True


def _movable(segments: Sequence[Segment], *, catalogue: Catalogue, now: datetime) -> Movable:
    """Return whom time alone may move into or out of one of these."""
    events: dict[str, datetime] = {}
    dates: set[str] = set()
    purposes: set[str] = set()
    for segment in segments:
        if segment.live is None:
            continue
        tree = parse(segment.live.content["tree"])
        clock = clockwork(tree, catalogue=catalogue)
        dates |= clock.dates
        purposes |= clock.purposes
        for name, window in needs(tree).events.items():
            # Without a span only what lies ahead will count one day.
            span = (_BEGINNING if window is None else window) if clock.has_spans else timedelta(0)
            events[name] = min(now - span, events.get(name, now))
    return Movable(events=events, dates=dates, purposes=purposes)


def is_unfinished() -> bool:
    """Say whether any condition has people left to note."""
    return _unfinished().exists()


def _unfinished() -> SegmentQuerySet:
    return Segment.objects.usable().exclude(timed_up_to=None)


def progress(segment: Segment) -> int | None:
    """Return how far that is in percent; None where nothing is left to do."""
    if segment.timed_up_to is None or segment.is_archived:
        return None
    last = CustomerProfile.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 100 if not last else min(100, 100 * segment.timed_up_to // last)
