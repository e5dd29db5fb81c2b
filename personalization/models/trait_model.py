"""Fitted parameters that traits are derived with: who will buy again, and for how much."""

from typing import Any

from django.db import models


class TraitModel(models.Model):
    """One fit. The newest of a name is the one in use; older ones explain older values."""

    name = models.SlugField(max_length=40)
    fitted_at = models.DateTimeField()
    # How many people it was fitted on.
    people = models.PositiveIntegerField()
    parameters: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    # Errors on data held out, with what they are compared to.
    metrics: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["name", "-fitted_at"]

    def __str__(self) -> str:
        return f"{self.name} of {self.fitted_at:%d %b %Y}"
