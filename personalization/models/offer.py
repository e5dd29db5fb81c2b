"""Offers: what a rule can add to a content, how often at most, and the codes given out for it."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from consent.models import DataSubject


class Offer(models.Model):
    class Kind(models.TextChoices):
        PLAIN = "plain", "No code"
        STATIC = "static", "One code for everybody"
        POOL = "pool", "A code of its own for each mail"

    class Unit(models.TextChoices):
        PERCENT = "percent", "Percent"
        AMOUNT = "amount", "Amount of money"

    slug = models.SlugField(max_length=80, unique=True, help_text="Short name, used in rules.")
    name = models.CharField(max_length=120, help_text="As readers see it in {{ offer.name }}.")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PLAIN)
    code = models.CharField(max_length=100, blank=True, help_text="The code that all readers get.")
    value = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text="As in 10 percent or 5.00 EUR; printed by {{ offer.value }}.",
    )
    unit = models.CharField(max_length=8, choices=Unit, default=Unit.PERCENT)
    currency = models.CharField(max_length=3, blank=True, help_text="Three letters, as EUR.")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="From this moment on it is not given any more."
    )
    per_person = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How often one person gets it at most. Empty: no limit.",
    )
    per_person_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Within how many days. Empty: ever.",
    )
    total = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How often it is given to all people together at most. Empty: no limit.",
    )
    is_active = models.BooleanField(default=True, help_text="Off: no rule gives it any more.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="static") & ~Q(code="") | ~Q(kind="static") & Q(code=""),
                name="personalization_offer_code_of_static",
                violation_error_message="One code for everybody needs the code; other kinds have "
                "none here.",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_from__lt=F("valid_until")),
                name="personalization_offer_begins_before_it_ends",
                violation_error_message="The offer ends before it begins.",
            ),
            models.CheckConstraint(
                condition=Q(per_person_days=None) | Q(per_person__isnull=False),
                name="personalization_offer_days_of_a_limit",
                violation_error_message="Say how often one person gets it within these days.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfferTally(models.Model):
    """How often an offer was given; the row is the lock under which limits are exact."""

    offer = models.OneToOneField(Offer, primary_key=True, on_delete=models.CASCADE)
    given = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "offer tallies"

    def __str__(self) -> str:
        return f"{self.offer_id}: {self.given}"


class OfferCode(models.Model):
    """One code of a pool. Its hash stays when the person it was given to is erased."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="codes")
    text = models.CharField(max_length=100)
    # Over all offers: a shop knows a code once, whatever we call the offer.
    hash = models.CharField(max_length=64, unique=True, editable=False)
    is_given = models.BooleanField(default=False, editable=False)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["offer", "id"],
                condition=Q(is_given=False),
                name="personalization_code_free",
            )
        ]

    def __str__(self) -> str:
        return f"Code {self.pk}"


class OfferGrant(models.Model):
    """An offer reserved for one mail: counts towards its limits until the mail fails."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="grants")
    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="offers")
    message_key = models.UUIDField()
    code = models.OneToOneField(
        OfferCode, null=True, blank=True, on_delete=models.PROTECT, related_name="grant"
    )
    # What the mail says: with the grant it belongs to a person, and is exported and erased.
    code_text = models.CharField(max_length=100, blank=True)
    granted_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["message_key", "offer"], name="personalization_grant_once_a_mail"
            )
        ]
        indexes = [
            models.Index(
                fields=["subject", "offer", "granted_at"], name="personalization_grant_person"
            )
        ]

    def __str__(self) -> str:
        return f"Grant {self.pk}"
