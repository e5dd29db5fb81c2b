"""Places that mail providers fill at send time by asking us, and lists that are nobody's own."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from consent.models import Purpose
from personalization.models.ruleset import RuleSet

_DAY = 86_400


class SendTimeSlot(models.Model):
    """A named place outside of our own mails; a ruleset fills it when it is asked for."""

    slug = models.SlugField(max_length=80, unique=True, help_text="As in /api/v1/personalize/hero.")
    name = models.CharField(max_length=120)
    ruleset = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="send_time_slots")
    purpose = models.ForeignKey(
        Purpose,
        on_delete=models.PROTECT,
        related_name="+",
        default="email_marketing",
        help_text="What the content is for; the answer says whether the person may be mailed.",
    )
    recommendation_count = models.PositiveSmallIntegerField(
        default=4, help_text="Products in `recommendations` of the blocks; 0 for none."
    )
    ttl_seconds = models.PositiveIntegerField(
        "good for",
        default=300,
        validators=[MinValueValidator(1), MaxValueValidator(_DAY)],
        help_text="Seconds for which one answer stands; shorter where products are shown.",
    )
    is_active = models.BooleanField("answers", default=True)
    is_default = models.BooleanField(
        default=False, help_text="Its fallback answers for slots that nobody set up."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="personalization_one_default_slot",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Feed(models.Model):
    """A list of products that is the same for everybody, at an address without a key."""

    slug = models.SlugField(max_length=80, unique=True, help_text="As in /api/v1/feeds/new.json.")
    name = models.CharField(max_length=120)
    strategy = models.CharField(max_length=80, default="popular")
    # The common limits of lists, as `categories` and `price_to`.
    parameters = models.JSONField(default=dict, blank=True)
    limit = models.PositiveSmallIntegerField(
        "products",
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="How many, at most 50.",
    )
    max_age = models.PositiveIntegerField(
        "good for",
        default=300,
        validators=[MinValueValidator(1), MaxValueValidator(_DAY)],
        help_text="Seconds for which a proxy or browser may keep the list.",
    )
    is_active = models.BooleanField("answers", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
