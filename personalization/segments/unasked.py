"""Forget notes of changes that no segment asks about, without looking at the people."""

from collections.abc import Collection

from django.db import connection

from personalization.models import Segment, SegmentMembership

# In the order in which they would be taken; one look finds so many at a time.
_WINDOW = 5_000

_FORGET_EVENTS = """
WITH next AS MATERIALIZED (
    SELECT id, cause, event_name FROM personalization_segment_touch
    ORDER BY is_bulk, id LIMIT %s
)
DELETE FROM personalization_segment_touch AS touch USING next
WHERE touch.id = next.id AND next.cause = 'event' AND next.event_name IS NOT NULL
  AND next.event_name <> ALL(%s)
"""
_FORGET_NEXT = """
DELETE FROM personalization_segment_touch WHERE id IN (
    SELECT id FROM personalization_segment_touch ORDER BY is_bulk, id LIMIT %s
)
"""
_FORGET_MOMENTS = "DELETE FROM personalization_segment_recheck"


def is_anything_kept() -> bool:
    """Say whether any change can matter: a segment is kept, or has members from when it was."""
    return Segment.objects.kept().exists() or SegmentMembership.objects.exists()


def forget_events(*, but: Collection[str]) -> int:
    """Forget, of who waits next, all events but these; nothing else can follow from them.

    Who is new, gone, joined or given a value is noted for that as well.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_EVENTS, [_WINDOW, sorted(but)])
        return int(cursor.rowcount)


def forget_all() -> None:
    """Forget who waits next and when time would move whom, where nothing is kept.

    A segment that begins to be kept counts everybody first.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_NEXT, [_WINDOW])
        cursor.execute(_FORGET_MOMENTS)
