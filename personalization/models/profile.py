"""What we know of a customer: attributes given, traits derived; what identifies is sealed."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from consent.models import DataSubject, Purpose


class CustomerProfile(models.Model):
    subject = models.OneToOneField(
        DataSubject, primary_key=True, on_delete=models.CASCADE, related_name="profile"
    )
    # Names, street, phone: JSON under the subject's own key. Conditions cannot use it.
    personal = models.BinaryField(null=True, editable=False)
    attributes: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    traits: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    traits_at = models.DateTimeField(null=True, blank=True)
    # {"attributes.country": {"source": slug, "at": ISO 8601}}: where each given value comes from.
    origins: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, db_default={}, blank=True, editable=False
    )
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "customer"
        ordering = ["-last_seen_at"]
        # A random order that stays the same: samples of people are read from its beginning.
        indexes = [
            models.Index(
                models.Func(models.F("subject_id"), models.Value(0), function="hashint8extended"),
                name="personalization_profile_sample",
            )
        ]

    def __str__(self) -> str:
        return f"Customer {self.pk}"


class Field(models.Model):
    """The catalogue: a value that may be kept on a profile, its type, and what it is kept for."""

    class Kind(models.TextChoices):
        ATTRIBUTE = "attributes", "Attribute (given)"
        TRAIT = "traits", "Trait (derived)"

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        BOOLEAN = "boolean", "Yes or no"
        LIST = "list", "List"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.SlugField(max_length=60)
    label = models.CharField(max_length=100)
    type = models.CharField(max_length=10, choices=Type)
    unit = models.CharField(max_length=30, blank=True)
    purpose = models.ForeignKey(
        Purpose,
        on_delete=models.PROTECT,
        related_name="fields",
        help_text="Without this consent the field is absent: in rules, segments and templates.",
    )
    source = models.CharField(max_length=120, blank=True, help_text="Where values come from.")
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    # An event aggregate: {"event", "function", "property", "days"}; empty for all other fields.
    definition: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    is_sensitive = models.BooleanField(
        default=False,
        help_text="Health, belief and the like: needs an explicit consent of its own.",
    )
    # Sealed fields identify the person; they can be shown in a mail but not used to choose.
    is_personal = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="personalization_field_unique")
        ]

    def __str__(self) -> str:
        return self.path

    def clean(self) -> None:
        """Refuse a sensitive field whose purpose asks for no explicit consent (Art. 9)."""
        purpose = Purpose.objects.filter(pk=self.purpose_id).first()
        if self.is_sensitive and purpose is not None and not purpose.is_explicit:
            raise ValidationError(
                {
                    "purpose": f"“{purpose}” takes any consent. A sensitive field needs a purpose "
                    "that is marked as explicit."
                }
            )

    @property
    def path(self) -> str:
        return f"{self.kind}.{self.name}"
