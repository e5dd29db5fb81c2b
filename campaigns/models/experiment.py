"""A test inside a campaign: arms with weights, a holdout, an assignment by hash."""

from django.core.validators import MaxValueValidator
from django.db import models

from campaigns.models.campaign import Campaign


class Experiment(models.Model):
    class Metric(models.TextChoices):
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        CONVERTED = "converted", "Converted"

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="experiment")
    name = models.CharField(max_length=120)
    hypothesis = models.TextField(blank=True)
    metric = models.CharField(max_length=12, choices=Metric, default=Metric.CLICKED)
    holdout_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(90)],
        help_text="Share of the audience that gets no mail, to measure what mailing is worth.",
    )
    # Fixed for ever: another seed would deal people into other arms.
    seed = models.CharField(max_length=60, editable=False)

    def __str__(self) -> str:
        return self.name


class ExperimentArm(models.Model):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="arms")
    key = models.SlugField(max_length=20)
    name = models.CharField(max_length=100)
    weight = models.PositiveSmallIntegerField(default=1)
    subject = models.CharField(
        max_length=200, blank=True, help_text="Liquid; empty: the template's own subject line."
    )

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "key"], name="campaigns_arm_unique")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.name}"
