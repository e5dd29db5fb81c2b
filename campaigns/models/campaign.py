"""What we send, to whom, with which content in which slot."""

from django.db import models
from django.utils import timezone

from campaigns.models.sender import SenderIdentity
from campaigns.models.template import Template, TemplateVersion
from consent.models import Purpose
from personalization.models import RuleSet, Segment


class Campaign(models.Model):
    class Kind(models.TextChoices):
        BROADCAST = "broadcast", "Broadcast"
        TRIGGERED = "triggered", "Triggered"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        SENT = "sent", "Sent"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.BROADCAST)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="campaigns")
    segments = models.ManyToManyField(Segment, related_name="campaigns", blank=True)
    # Empty for what was sent before Attune and imported for its results.
    template = models.ForeignKey(
        Template, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    # Pinned at launch: a template changed in mid-send does not split the audience.
    template_version = models.ForeignKey(
        TemplateVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    sender = models.ForeignKey(
        SenderIdentity, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    recommendation_count = models.PositiveSmallIntegerField(
        default=4, help_text="Products in `recommendations` of the template; 0 for none."
    )
    priority = models.SmallIntegerField(
        default=0, help_text="Who gets the place when a person's weekly limit is nearly reached."
    )
    is_capped = models.BooleanField(
        default=True, help_text="Counts towards and obeys the weekly limit per person."
    )
    utm_source = models.CharField(max_length=60, default="attune")
    utm_medium = models.CharField(max_length=60, default="email")
    utm_campaign = models.CharField(max_length=120, blank=True, help_text="Empty: the short name.")
    is_imported = models.BooleanField(default=False, editable=False)
    # Whether opens and clicks were recorded at all; if not they show as such, never as 0.
    has_tracking = models.BooleanField(default=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class CampaignSlot(models.Model):
    """One named place of the template and the ruleset that fills it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="slots")
    name = models.SlugField(max_length=40, help_text="As in {{ blocks.hero.html }}.")
    ruleset = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="slots")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="campaigns_slot_unique")
        ]

    def __str__(self) -> str:
        return self.name


class Link(models.Model):
    """A target of tracked links; the token in the mail names this row, never an address."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="links")
    url = models.URLField(max_length=2000)
    url_hash = models.CharField(max_length=64, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "url_hash"], name="campaigns_link_unique")
        ]

    def __str__(self) -> str:
        return self.url
