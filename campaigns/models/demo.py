"""That this installation holds demo data, and by how many weeks its times were shifted."""

from django.db import models
from django.utils import timezone


class DemoInstallation(models.Model):
    dataset = models.CharField(max_length=60, unique=True)
    label = models.CharField(max_length=200)
    shift_weeks = models.IntegerField(default=0)
    loaded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.label
