"""Trained recommendation models: arrays that workers share, one row a training."""

from django.db import models


class RecommendationModel(models.Model):
    number = models.PositiveIntegerField(unique=True)
    trained_at = models.DateTimeField()
    is_live = models.BooleanField(default=False)
    metrics = models.JSONField(default=dict)
    # numpy's npz; workers keep a copy on disk and map it into memory.
    payload = models.BinaryField(editable=False)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_live"],
                condition=models.Q(is_live=True),
                name="personalization_one_live_model",
            )
        ]

    def __str__(self) -> str:
        return f"model {self.number}"
