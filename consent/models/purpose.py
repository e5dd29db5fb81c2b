"""What data may be used for, and on which legal ground."""

from django.db import models


class Purpose(models.Model):
    class Basis(models.TextChoices):
        CONSENT = "consent", "Consent"
        CONTRACT = "contract", "Contract"
        LEGITIMATE_INTEREST = "legitimate_interest", "Legitimate interest"
        LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"

    code = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=100)
    description = models.TextField(help_text="In the words the customer reads.")
    basis = models.CharField(max_length=20, choices=Basis, default=Basis.CONSENT)
    is_explicit = models.BooleanField(
        default=False,
        help_text="For sensitive data (Art. 9): only an explicit consent with its proof counts.",
    )
    notice_version = models.CharField(max_length=20, default="1")
    retention_days = models.PositiveIntegerField(
        help_text="How long data kept for this purpose stays after its last use."
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name
