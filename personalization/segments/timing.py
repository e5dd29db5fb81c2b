"""Find out whom the passing of time alone may move into or out of a new condition, in parts.

Counting a condition over everybody says who is in it now, not who will be tomorrow. To find that
out each person has to be looked at once; with a million of them that is work for the background,
when nobody who changed waits.
"""

from datetime import datetime

from personalization.conditions.expiry import clockwork
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import needs, parse
from personalization.models import CustomerProfile, Segment
from personalization.segments import waiting

PART = 20_000


def note_part(*, catalogue: Catalogue, now: datetime) -> bool:
    """Note the next people of the first segment that has some left; False where none has."""
    unfinished = Segment.objects.usable().exclude(timed_up_to=None)
    segment = unfinished.select_related("live").order_by("pk").first()
    if segment is None or segment.timed_up_to is None:
        return False
    last = None
    if segment.live is not None:
        tree = parse(segment.live.content["tree"])
        clock = clockwork(tree, catalogue=catalogue)
        last = waiting.note_timed(
            needs=needs(tree),
            dates=clock.dates,
            purposes=clock.purposes,
            is_timed=clock.has_spans,
            after=segment.timed_up_to,
            limit=PART,
            now=now,
        )
    Segment.objects.filter(pk=segment.pk).update(timed_up_to=last)
    return True


def progress(segment: Segment) -> int | None:
    """Return how far that is in percent; None where nothing is left to do."""
    if segment.timed_up_to is None:
        return None
    last = CustomerProfile.objects.order_by("-pk").values_list("pk", flat=True).first()
    return 100 if not last else min(100, 100 * segment.timed_up_to // last)
