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
