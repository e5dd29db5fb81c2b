"""Whose segments are to be looked at again: at once, or when the time has come."""

from django.db import models
from django.db.models.functions import Now


class SegmentTouch(models.Model):
    """Somebody changed; written in the transaction of the change, deleted by who worked on it.

    A row for each change and no unique key: to note one never waits for another transaction.
    """

    class Cause(models.TextChoices):
        EVENT = "event", "An event"
        PROFILE = "profile", "An attribute or trait changed"
        CONSENT = "consent", "A consent changed"
        IDENTITY = "identity", "Joined, parted or erased"
        PRODUCT = "product", "A product changed"
        DEFINITION = "definition", "The condition changed"
        LIST = "list", "Put on or taken off the list"
        TIME = "time", "Time passed"
        REPAIR = "repair", "A rebuild"
        ARCHIVED = "archived", "The segment was archived"

    # One of both: a person, or a product whose category (brand …) conditions may look at.
    profile_id = models.BigIntegerField(null=True)
    product_id = models.BigIntegerField(null=True)
    cause = models.CharField(max_length=10, choices=Cause)
    event_id = models.BigIntegerField(null=True)
    event_name = models.TextField(null=True)
    event_at = models.DateTimeField(null=True)
    # An import of millions must not stand before the click of a minute ago.
    is_bulk = models.BooleanField(default=False, db_default=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "personalization_segment_touch"
        indexes = [
            models.Index(fields=["is_bulk", "id"], name="personalization_touch_order"),
            models.Index(
                fields=["product_id"],
                name="personalization_touch_product",
                condition=models.Q(product_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause}: {self.profile_id or self.product_id}"


class SegmentRecheck(models.Model):
    """When the passing of time alone may next change a person's segments: never after that."""

    profile_id = models.BigIntegerField(primary_key=True)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "personalization_segment_recheck"

    def __str__(self) -> str:
        return f"{self.profile_id} at {self.due_at}"
