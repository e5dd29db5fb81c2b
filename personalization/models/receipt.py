"""What was decided for one person and why; written with the send, read by 'why this content'."""

from typing import Any

from django.db import models

from consent.models import DataSubject


class Receipt(models.Model):
    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="receipts")
    message_key = models.UUIDField(unique=True)
    decided_at = models.DateTimeField(db_index=True)
    # Versions, hits, reasons, fallback tier: ids and numbers, nothing that identifies.
    decision: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    # The values that were looked at, under the subject's key.
    inputs = models.BinaryField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Receipt {self.pk}"


class ReceiptPart(models.Model):
    """A content that many receipts name by its hash: a product as shown, a campaign's frame."""

    key = models.CharField(max_length=32, primary_key=True)
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    # The last day a decision used it; it may go when receipts of that day do.
    used_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return self.key


class Exposure(models.Model):
    """The one decision a message shows a person in a slot, until it expires."""

    message = models.CharField(max_length=120)
    slot = models.CharField(max_length=80)
    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="exposures")
    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="exposures")
    shown_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "slot", "subject"], name="personalization_exposure_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.message}: {self.slot}"
