"""Segments: a condition tree in versions or a list of people, and who is in it now and was."""

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from consent.models import DataSubject
from personalization.models.profile import CustomerProfile
from personalization.models.version import Version, Versioned


class SegmentQuerySet(models.QuerySet["Segment"]):
    def kept(self) -> Self:
        """Those whose members are kept up to date: live or a list, and not put away."""
        is_filled = models.Q(live__isnull=False) | models.Q(kind=Segment.Kind.LIST)
        return self.filter(is_filled, is_archived=False)

    def usable(self) -> Self:
        """Those whose members may be used: a broken one has members nobody vouches for."""
        return self.kept().filter(broken_since=None)


class Segment(Versioned):
    class Kind(models.TextChoices):
        CONDITION = "condition", "Condition"
        LIST = "list", "List"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CONDITION, editable=False)
    live = models.ForeignKey(
        "SegmentVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    member_count = models.PositiveIntegerField(default=0, editable=False)
    counted_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What has to be mended before it is used again: [{"path", "message"}].
    faults: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(
        default=list, editable=False
    )
    broken_since = models.DateTimeField(null=True, blank=True, editable=False)
    # Set by a trigger when what decides changed: its members are to be computed over everybody.
    is_stale = models.BooleanField(default=False, db_default=False, editable=False)
    # Up to which person it is noted whom time alone may move; null where all are.
    timed_up_to = models.BigIntegerField(null=True, blank=True, editable=False)
    # The last comparison with a count over everybody: {"missing": n, "extra": n}.
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    drift: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(
        default=dict, editable=False
    )

    objects = SegmentQuerySet.as_manager()


class SegmentVersion(Version):
    """`content`: `{"tree": <condition tree>}`."""

    of = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="personalization_segment_version")
        ]


class SegmentMembershipQuerySet(models.QuerySet["SegmentMembership"]):
    @transaction.atomic
    def leave(self, *, at: datetime, why: dict[str, object]) -> int:
        """End these memberships and keep that they were."""
        ended = list(self.select_for_update())
        SegmentPast.objects.bulk_create(
            SegmentPast(
                segment_id=each.segment_id,
                profile_id=each.profile_id,
                entered_at=each.entered_at,
                entered_why=each.why,
                left_at=max(at, each.entered_at),
                left_why=why,
            )
            for each in ended
        )
        return self.filter(pk__in=[each.pk for each in ended]).delete()[0]


class SegmentMembership(models.Model):
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships")
    profile = models.ForeignKey(
        CustomerProfile, on_delete=models.CASCADE, related_name="memberships"
    )
    entered_at = models.DateTimeField()
    # {"cause", "because": [clauses], "event": {"id", "name", "at"}}: never a person's values.
    why: "models.JSONField[dict[str, object] | None, dict[str, object] | None]" = models.JSONField(
        null=True
    )

    objects = SegmentMembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "profile"], name="personalization_membership_unique"
            )
        ]
        indexes = [
            models.Index(fields=["segment", "-entered_at"], name="personalization_member_latest")
        ]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.profile_id}"


class SegmentPast(models.Model):
    """A stay in a segment that has ended."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="past")
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="+")
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField()
    entered_why: "models.JSONField[dict[str, object] | None, dict[str, object] | None]" = (
        models.JSONField(null=True)
    )
    left_why: "models.JSONField[dict[str, object] | None, dict[str, object] | None]" = (
        models.JSONField(null=True)
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(left_at__gte=F("entered_at")),
                name="personalization_past_ends_after_it_began",
            )
        ]
        indexes = [models.Index(fields=["segment", "-left_at"], name="personalization_past_latest")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.profile_id} until {self.left_at}"


class SegmentDay(models.Model):
    """How large a segment was at the end of a day, and how many came and went on it."""

    pk = models.CompositePrimaryKey("segment_id", "day")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    size = models.IntegerField()
    entered = models.IntegerField(default=0)
    left = models.IntegerField(default=0)

    class Meta:
        ordering = ["segment_id", "day"]

    def __str__(self) -> str:
        return f"{self.segment_id} on {self.day}: {self.size}"


class ListEntry(models.Model):
    """Somebody who was put on a list. It names the row as given: a merge that is undone gives
    each their place back."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="entries")
    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "subject"], name="personalization_list_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.subject_id}"
