"""Segments: a condition tree in versions, and who is in it now."""

from django.db import models

from personalization.models.profile import CustomerProfile
from personalization.models.version import Version, Versioned


class Segment(Versioned):
    live = models.ForeignKey(
        "SegmentVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    member_count = models.PositiveIntegerField(default=0, editable=False)
    counted_at = models.DateTimeField(null=True, blank=True, editable=False)


class SegmentVersion(Version):
    """`content`: `{"tree": <condition tree>}`."""

    of = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="personalization_segment_version")
        ]


class SegmentMembership(models.Model):
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships")
    profile = models.ForeignKey(
        CustomerProfile, on_delete=models.CASCADE, related_name="memberships"
    )
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "profile"], name="personalization_membership_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.profile_id}"
