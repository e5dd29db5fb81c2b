"""How segments share people, and new segments made of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection

from personalization.models import Segment

Way = Literal["both", "either", "only"]

_SHARED = """
SELECT other.segment_id, count(*)
FROM personalization_segmentmembership AS own
JOIN personalization_segmentmembership AS other ON other.profile_id = own.profile_id
    AND other.segment_id = ANY(%s)
WHERE own.segment_id = %s GROUP BY other.segment_id
"""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two segments share, as a count and as a share of either and of both together."""

    segment: Segment
    size: int
    shared: int
    own_size: int

    @property
    def of_own(self) -> float:
        """Return how much of the segment looked at is in the other one, in percent."""
        return 100 * self.shared / self.own_size if self.own_size else 0.0

    @property
    def of_both(self) -> float:
        """Return the shared part of all who are in one of both, in percent (Jaccard's index)."""
        either = self.own_size + self.size - self.shared
        return 100 * self.shared / either if either else 0.0


def overlaps(segment: Segment) -> list[Overlap]:
    """Compare a segment with all others that can be used, most shared first (two queries)."""
    others = list(Segment.objects.usable().exclude(pk=segment.pk).order_by("name"))
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [[other.pk for other in others], segment.pk])
        shared = dict(cursor.fetchall())
    found = [
        Overlap(other, other.member_count, shared.get(other.pk, 0), segment.member_count)
        for other in others
    ]
    return sorted(found, key=lambda each: (-each.shared, each.segment.name))


def combined(way: Way, *, own: str, others: Sequence[str]) -> dict[str, Any]:
    """Return the condition of a segment made of others: in all, in one of them, or in the first
    and in none of the rest."""
    inside: list[dict[str, Any]] = [{"segment": slug} for slug in (own, *others)]
    match way:
        case "both":
            return {"all": inside}
        case "either":
            return {"any": inside}
        case "only":
            return {"all": [inside[0], *({"not": other} for other in inside[1:])]}
