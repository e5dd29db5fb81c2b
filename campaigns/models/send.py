"""One mail to one person: the queue of record; its unique key makes a send happen once."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from campaigns.models.campaign import Campaign
from consent.models import DataSubject


class SendQuerySet(models.QuerySet["Send"]):
    def due(self, *, at: datetime) -> Self:
        return self.filter(state=Send.State.PLANNED, due_at__lte=at)

    def open(self) -> Self:
        """Leave out what is settled, and what nobody will ever be able to tell."""
        is_doubtful = Q(state=Send.State.UNKNOWN, lease_until__isnull=False)
        return self.filter(Q(state__in=Send.OPEN_STATES) | is_doubtful)

    def doubtful(self) -> Self:
        """Rows in doubt whose worker will hear no answer any more."""
        is_over = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
        return self.filter(is_over, state=Send.State.UNKNOWN)

    def lapsed(self, state: str) -> Self:
        """Rows whose worker did not come back before its lease ran out, by the database's clock."""
        return self.filter(state=state, lease_until__lt=Now())

    def claim(
        self, *, campaign_id: int, token: uuid.UUID, limit: int, at: datetime, lease: timedelta
    ) -> list["Send"]:
        """Take due rows for one worker; another worker passes over them (one statement).

        They hold what sending needs; the rest of a row is read when somebody asks for it.
        "Materialized" keeps the limit: a plan that runs the subquery once per row passes over
        what it took before, and so takes everything.
        """
        rows = self.raw(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM campaigns_send
                WHERE state = 'planned' AND campaign_id = %s AND due_at <= %s
                ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE campaigns_send AS send SET state = 'claimed', lease_token = %s,
                   lease_until = clock_timestamp() + make_interval(secs => %s),
                   attempts = attempts + 1
            FROM due WHERE send.id = due.id
            RETURNING send.id, campaign_id, subject_id, message_key, arm, attempts, is_counted
            """,
            [campaign_id, at, limit, token, lease.total_seconds()],
        )
        return sorted(rows, key=lambda send: send.pk)


class Send(models.Model):
    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        HELD = "held", "Held"
        SKIPPED = "skipped", "Skipped"
        CLAIMED = "claimed", "Claimed"
        HANDING_OVER = "handing_over", "Handing over"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"

    OPEN_STATES = (State.PLANNED, State.CLAIMED, State.HANDING_OVER)

    # No index of its own: others begin with it, and every state written costs an entry in each.
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="sends", db_index=False
    )
    step = models.PositiveSmallIntegerField(default=0)
    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="sends")
    # The run of a broadcast, the key of a triggering event, or a local date.
    occurrence = models.CharField(max_length=100)
    # What the provider and the catcher know the mail by, the same in every try.
    message_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=12, choices=State, default=State.PLANNED)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it was skipped or held.")
    detail = models.CharField(max_length=300, blank=True, help_text="The provider's last word.")
    arm = models.CharField(max_length=20, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    is_counted = models.BooleanField(default=False, editable=False)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SendQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "step", "subject", "occurrence"], name="campaigns_send_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["campaign", "due_at", "id"],
                condition=Q(state="planned"),
                name="campaigns_send_planned",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["claimed", "handing_over", "unknown"]),
                name="campaigns_send_leased",
            ),
            models.Index(fields=["due_at"], condition=Q(state="held"), name="campaigns_send_held"),
            models.Index(fields=["campaign", "state"], name="campaigns_send_by_state"),
            models.Index(fields=["sent_at"], name="campaigns_send_by_time"),
        ]

    def __str__(self) -> str:
        return f"Send {self.pk}"


class FrequencyCounter(models.Model):
    """How many capped mails a person got in the running week; a row is the lock, too."""

    subject = models.OneToOneField(DataSubject, primary_key=True, on_delete=models.CASCADE)
    window_started_at = models.DateTimeField()
    count = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.subject_id}: {self.count}"
