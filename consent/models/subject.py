"""The legal person: a pseudonym, the key of everything personal, and two ways to find it."""

import uuid
from typing import Self

from django.db import models
from django.utils import timezone


class DataSubjectQuerySet(models.QuerySet["DataSubject"]):
    def living(self) -> Self:
        """Leave out tombstones of erased people and of rows merged into another."""
        return self.filter(erased_at=None, merged_into=None)


class DataSubject(models.Model):
    # Random, never derived: it tells nothing, and statistics may keep it after an erasure.
    pseudonym = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Destroying this key is what makes an erasure final, in every copy of the rows it sealed.
    wrapped_key = models.BinaryField(null=True, editable=False)
    email_index = models.CharField(max_length=64, null=True, editable=False)
    # Another key than the index: the suppression list has to work after the erasure.
    suppression_hash = models.CharField(max_length=64, null=True, db_index=True, editable=False)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DataSubjectQuerySet.as_manager()

    class Meta:
        verbose_name = "data subject"
        # Few are gone: who is not is told by an index that holds only them.
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(erased_at__isnull=False) | models.Q(merged_into__isnull=False),
                name="consent_subject_gone",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["email_index"],
                condition=models.Q(merged_into=None),
                name="consent_subject_one_per_email",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at=None) | models.Q(wrapped_key=None, email_index=None),
                name="consent_subject_erased_holds_no_key",
            ),
        ]

    def __str__(self) -> str:
        return f"Subject {str(self.pseudonym)[:8]}"
