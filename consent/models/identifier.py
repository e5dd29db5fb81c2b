"""How a person is recognised: address, external id, anonymous id, phone; found by keyed hash."""

from django.db import models

from consent.models.subject import DataSubject


class Identifier(models.Model):
    class Kind(models.TextChoices):
        EMAIL = "email", "Email address"
        EXTERNAL_ID = "external_id", "Customer number"
        ANONYMOUS_ID = "anonymous_id", "Anonymous id"
        PHONE = "phone", "Phone"

    subject = models.ForeignKey(DataSubject, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=20, choices=Kind)
    # The system that gave it; empty where the value is the same everywhere, as an address is.
    source = models.CharField(max_length=50, blank=True)
    hash = models.CharField(max_length=64, editable=False)
    ciphertext = models.BinaryField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source", "hash"], name="consent_identifier_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.hash[:8]})"
