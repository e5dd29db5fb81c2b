"""Two rows that are one person: who was joined into whom, by whom, and how to part them again."""

from django.conf import settings
from django.db import models

from consent.models.subject import DataSubject


class Merge(models.Model):
    """One joining. `DataSubject.merged_into` says what holds now; this says why, and since when."""

    class Reason(models.TextChoices):
        IDENTIFIED = "identified", "An anonymous visitor said who they are"
        ALIASED = "aliased", "A source named both as one"
        DECIDED = "decided", "Decided by staff"

    kept = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="merges")
    absorbed = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="absorptions")
    reason = models.CharField(max_length=10, choices=Reason)
    source = models.CharField(max_length=50, blank=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # What the kept person had before, sealed under their own key; written by the app that joins.
    before = models.BinaryField(null=True, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"],
                condition=models.Q(undone_at=None),
                name="consent_merge_absorbed_once",
            )
        ]

    def __str__(self) -> str:
        return f"Merge {self.pk}"


class MergeProposal(models.Model):
    """Two known customers that a source calls one: only a human may join them."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        MERGED = "merged", "Merged"
        REJECTED = "rejected", "Not the same person"

    # The lower id first, so that a pair is proposed once.
    first = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=50, blank=True)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    seen_at = models.DateTimeField()
    seen_count = models.PositiveIntegerField(default=1)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="consent_proposal_once"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="consent_proposal_ordered"
            ),
        ]

    def __str__(self) -> str:
        return f"Proposal {self.pk}"
