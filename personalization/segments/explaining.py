"""Say of one person why they are in a segment or not, and when they were."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from personalization.conditions.explain import Explanation, explain
from personalization.conditions.tree import needs, parse
from personalization.models import Segment, SegmentMembership
from personalization.profiles import batch, catalogue
from personalization.segments import history
from personalization.segments.history import Stay


@dataclass(frozen=True, slots=True)
class Explained:
    """`explanation` is None for a list, for a segment without a live version, and for the gone."""

    is_member: bool
    explanation: Explanation | None
    stays: Sequence[Stay]


def of_person(segment: Segment, profile_id: int, *, now: datetime) -> Explained:
    stays = history.of_person(profile_id).get(segment.pk, [])
    return Explained(
        is_member=any(stay.left_at is None for stay in stays),
        explanation=_explanation(segment, profile_id, now=now),
        stays=stays,
    )


def _explanation(segment: Segment, profile_id: int, *, now: datetime) -> Explanation | None:
    if segment.live is None or segment.broken_since is not None:
        return None
    tree, known = parse(segment.live.content["tree"]), catalogue.load()
    wanted = needs(tree)
    found = batch.known(
        [profile_id], needs=wanted, told=frozenset(wanted.events), catalogue=known, now=now
    )
    if not found:
        return None
    inside = SegmentMembership.objects.filter(profile=profile_id, segment__broken_since=None)
    slugs = frozenset(inside.values_list("segment__slug", flat=True))
    return explain(tree, facts=replace(found[0].facts, segments=slugs), now=now, catalogue=known)
