"""Since when a person's values are what they are; asked only where a decision is explained."""

from collections.abc import Mapping
from datetime import datetime

from personalization.conditions.explain import segment_path
from personalization.models import CustomerProfile, SegmentMembership


def of(subject_id: int) -> Mapping[str, datetime]:
    """Return by field when its value came or was computed, by segment when the person entered."""
    profile = CustomerProfile.objects.only("traits", "traits_at", "origins").get(pk=subject_id)
    given = {
        path: datetime.fromisoformat(origin["at"])
        for path, origin in profile.origins.items()
        if isinstance(origin, dict) and isinstance(origin.get("at"), str)
    }
    inside = SegmentMembership.objects.filter(profile_id=subject_id)
    entered = {
        segment_path(slug): at for slug, at in inside.values_list("segment__slug", "entered_at")
    }
    if profile.traits_at is None:
        return given | entered
    return given | entered | {f"traits.{name}": profile.traits_at for name in profile.traits}
