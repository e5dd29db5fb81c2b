"""The consent ledger: every statement of a person, never changed; and the state it leads to."""

from django.conf import settings
from django.db import models

from consent.models.purpose import Purpose
from consent.models.subject import DataSubject


class ConsentRecord(models.Model):
    """One statement. A trigger of the database refuses to update or delete a row."""

    class Action(models.TextChoices):
        GRANTED = "granted", "Granted"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        OBJECTED = "objected", "Objected"

    subject = models.ForeignKey(DataSubject, on_delete=models.PROTECT, related_name="consents")
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="records")
    action = models.CharField(max_length=12, choices=Action)
    source = models.CharField(max_length=60, help_text="Form, import, mail link, API client …")
    notice_version = models.CharField(max_length=20, blank=True)
    language = models.CharField(max_length=10, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )
    occurred_at = models.DateTimeField(help_text="When the person said so.")
    # Said to us by the person, and not by a file or another system on their behalf.
    is_own_choice = models.BooleanField(default=False)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-occurred_at", "-id"]
        constraints = [
            # What is said twice is kept once; the same index finds all a person said.
            models.UniqueConstraint(
                fields=["subject", "purpose", "occurred_at", "action", "source", "is_own_choice"],
                name="consent_record_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.action}"


class ConsentState(models.Model):
    """What the ledger says now, a row for each subject and purpose, written with the record."""

    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="states")
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="states")
    is_granted = models.BooleanField()
    # An objection outranks every later import or consent banner; only the person lifts it.
    is_objection = models.BooleanField(default=False)
    since = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    record = models.ForeignKey(ConsentRecord, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "purpose"], name="consent_state_unique")
        ]
        # Who granted a purpose is read from the index alone, a million at a time.
        indexes = [
            models.Index(
                fields=["purpose", "subject"],
                include=["expires_at"],
                condition=models.Q(is_granted=True),
                name="consent_state_granted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id}: {'granted' if self.is_granted else 'not granted'}"
