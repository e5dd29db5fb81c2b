"""What happened: an inbox, the applied events, and the keys that tell a repeat.

The event tables are partitioned by month and made by SQL (migration 0002); Django sees `id` as
their key and nothing has a foreign key into them.
"""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from personalization.models.source import Source


class InboxEvent(models.Model):
    """An accepted event that waits to be applied, or that could not be (quarantined)."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="inbox")
    message_id = models.CharField(max_length=200)
    payload = models.BinaryField(editable=False)
    received_at = models.DateTimeField()
    quarantined_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "message_id"], name="personalization_inbox_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["source", "id"],
                condition=models.Q(quarantined_at=None),
                name="personalization_inbox_source",
            )
        ]

    def __str__(self) -> str:
        return f"Inbox event {self.pk}"


class EventKey(models.Model):
    """A message id seen within 90 days: the second arrival of one event is dropped."""

    pk = models.CompositePrimaryKey("source_id", "message_id")
    # The key begins with it, and a check of each row against one source would be a sixth of an
    # import's work: no index and no constraint of its own, as with the events.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    message_id = models.CharField(max_length=200)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "personalization_event_key"
        # Keys come in order of time, so that so small an index finds the old ones.
        indexes = [BrinIndex(fields=["seen_at"], name="personalization_key_by_age")]

    def __str__(self) -> str:
        return f"{self.source_id}: seen"


class Event(models.Model):
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    name = models.TextField()
    profile_id = models.BigIntegerField()
    # Who it was before identities were merged; a merge can be undone by it.
    origin_profile_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, null=True)
    properties: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    # Where it happened, cut to what helps and names nobody: page, campaign, locale, network.
    context: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    # The file it came with, so that an import can be undone.
    import_id = models.BigIntegerField(null=True)
    is_machine = models.BooleanField(default=False)
    is_generated = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "personalization_event"
        ordering = ["-occurred_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"


class EventItem(models.Model):
    """A product in an event: a line of an order, the product viewed."""

    pk = models.CompositePrimaryKey("event_id", "line")
    event_id = models.BigIntegerField()
    line = models.SmallIntegerField()
    occurred_at = models.DateTimeField()
    profile_id = models.BigIntegerField()
    name = models.TextField()
    product_id = models.BigIntegerField()
    quantity = models.IntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True)

    class Meta:
        managed = False
        db_table = "personalization_eventitem"

    def __str__(self) -> str:
        return f"line {self.line} of event {self.event_id}"


class EventDaily(models.Model):
    """How often an event happened on a day, and the sum of its amounts: feeds long windows."""

    pk = models.CompositePrimaryKey("profile_id", "name", "day")
    profile_id = models.BigIntegerField()
    name = models.CharField(max_length=120)
    day = models.DateField()
    count = models.IntegerField()
    total = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        db_table = "personalization_event_daily"
        # As with the keys: it finds what is past its retention.
        indexes = [BrinIndex(fields=["day"], name="personalization_daily_by_day")]

    def __str__(self) -> str:
        return f"{self.name} on {self.day}: {self.count}"
