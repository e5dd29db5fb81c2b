"""What a shop told last of one of its objects: an older state that comes late changes nothing."""

from typing import Any

from django.db import models

from personalization.models.source import Source


class SourceObject(models.Model):
    """A customer, product, order, cart … of a shop, by a keyed hash of its id there."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12)
    key = models.CharField(max_length=64)
    # By the shop's clock.
    told_at = models.DateTimeField()
    # Whose it is, as a refund names its order only.
    subject_id = models.BigIntegerField(null=True)
    # What is needed to tell the next change: the lines of a cart, whether an order was placed.
    state: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "key"], name="personalization_source_object"
            )
        ]
        indexes = [models.Index(fields=["subject_id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
