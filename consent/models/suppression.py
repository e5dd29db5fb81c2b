"""Addresses that must not be mailed, whatever any campaign says."""

from django.db import models
from django.utils import timezone


class Suppression(models.Model):
    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "Hard bounce"
        COMPLAINT = "complaint", "Spam complaint"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        MANUAL = "manual", "Added by staff"
        ERASED = "erased", "Erased on request"
        # Written and removed by merging: another address of one person is on the list.
        SAME_PERSON = "same_person", "Refused at another address"

    # A keyed hash, not the address: the entry has to outlive the person's erasure.
    address_hash = models.CharField(max_length=64, editable=False)
    reason = models.CharField(max_length=20, choices=Reason)
    source = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["address_hash", "reason"],
                condition=models.Q(lifted_at=None),
                name="consent_suppression_one_active_per_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.address_hash[:8]})"
