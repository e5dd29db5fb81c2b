"""Trained recommendation models, one row a training, and chains of strategies."""

from django.db import models

from personalization.models.version import Version, Versioned


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


class RecommendationChain(Versioned):
    live = models.ForeignKey(
        "RecommendationChainVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta(Versioned.Meta):
        verbose_name = "recommendation chain"


class RecommendationChainVersion(Version):
    """`content`: `{"steps": [{"strategy", "parameters"}], "parameters": {limits of the list}}`."""

    of = models.ForeignKey(RecommendationChain, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="personalization_chain_version")
        ]
