"""Where data comes from: its keys, and what came of it day by day."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models
from django.utils import timezone

# A row that is written all the time is waited for: nobody needs to know it to the second.
_HEARD_AGAIN = timedelta(minutes=1)
_ADD = """
INSERT INTO personalization_sourceday AS known (source_id, day, outcome, detail, count)
SELECT %s, * FROM unnest(%s::date[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (source_id, day, outcome, detail) DO UPDATE SET count = known.count + EXCLUDED.count
"""


class SourceQuerySet(models.QuerySet["Source"]):
    def heard(self, pk: int, *, at: datetime) -> None:
        """Note that a source told something, event or not: it is not silent."""
        known = models.Q(last_event_at=None) | models.Q(last_event_at__lt=at - _HEARD_AGAIN)
        self.filter(known, pk=pk).update(last_event_at=at)


class SourceDayQuerySet(models.QuerySet["SourceDay"]):
    def add(self, counts: Mapping[tuple[date, str, str], int], *, source_id: int) -> None:
        """Add counts by day, outcome and detail to what is stored, in one order for everybody."""
        keys = sorted(counts)
        if not keys:
            return
        columns: list[list[Any]] = [list(column) for column in zip(*keys, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [source_id, *columns, [counts[key] for key in keys]])


class Source(models.Model):
    """One website, app, shop, CRM or file feed."""

    class Kind(models.TextChoices):
        COLLECTOR = "collector", "Website or app"
        SHOPIFY = "shopify", "Shopify"
        WOOCOMMERCE = "woocommerce", "WooCommerce"
        HUBSPOT = "hubspot", "HubSpot"
        GENERIC = "generic", "Signed webhook"
        FILE = "file", "Files and API"
        SYSTEM = "system", "Attune itself"

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.FILE)
    # Public by nature: it stands in the pages of a shop. It may only bring events in.
    write_key = models.CharField(
        max_length=64, null=True, blank=True, unique=True, default=None, editable=False
    )
    # JSON {"current": …, "previous": …}, sealed: what webhooks of this source are signed with.
    secrets = models.BinaryField(null=True, editable=False)
    id_space = models.SlugField(
        max_length=50,
        blank=True,
        verbose_name="customer numbers are those of",
        help_text="Sources with the same word here mean the same customer by the same number. "
        "Empty: this source counts its customers for itself.",
    )
    mapping: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    is_active = models.BooleanField(default=True)
    stale_after_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        verbose_name="alert after hours of silence",
        help_text="Empty: silence is no alarm.",
    )
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_generated = models.BooleanField(
        default=False, help_text="Made up for the demo, and shown as such."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def space(self) -> str:
        """Whose customer numbers these are: the `source` of an identifier."""
        return self.id_space or self.slug


class SourceDay(models.Model):
    """How many events of a source came to one end on one day (of their arrival, UTC)."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        STORED = "stored", "Stored"
        REPEATED = "repeated", "Repeated"
        # `detail`: the purpose nobody granted.
        REFUSED = "refused", "Not kept for want of consent"
        # `detail`: the reason, without any value.
        QUARANTINED = "quarantined", "Quarantined"
        # `detail`: the upper end of the bucket in seconds; how late events arrive.
        LAG = "lag", "Lag"

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    outcome = models.CharField(max_length=12, choices=Outcome)
    detail = models.CharField(max_length=300, blank=True)
    count = models.PositiveBigIntegerField()

    objects = SourceDayQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "day", "outcome", "detail"], name="personalization_source_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.day} {self.outcome}: {self.count}"


class SeenProperty(models.Model):
    """A property as a source sends it: tells a drift of its schema, and what nobody registered.

    Names and types only, never a value. `event` is empty for what a source says of a person.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="properties")
    event = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=12)
    is_kept = models.BooleanField(default=True)
    count = models.PositiveBigIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["event", "name", "type"]
        verbose_name_plural = "seen properties"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "event", "name", "type"], name="personalization_seen_property"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event or 'person'}.{self.name}: {self.type}"


class WebhookDelivery(models.Model):
    """One verified delivery of a shop or CRM: stored once, answered at once, worked on later."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        IGNORED = "ignored", "Ignored"
        FAILED = "failed", "Failed"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="deliveries")
    delivery_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=100)
    # The body as it came, sealed; emptied when it is done with.
    payload = models.BinaryField(null=True, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField()
    # Not before: what waits for another delivery, or met a fault that may pass.
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "delivery_id"], name="personalization_delivery_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state="waiting"),
                name="personalization_delivery_wait",
            ),
            models.Index(fields=["source", "received_at"], name="personalization_delivery_at"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"
