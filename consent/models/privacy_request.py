"""What a person asked for under the law, wherever the request came in, and until when."""

from django.conf import settings
from django.db import models

from consent.models.subject import DataSubject


class PrivacyRequest(models.Model):
    class Kind(models.TextChoices):
        EXPORT = "export", "Export (Art. 15/20)"
        ERASURE = "erasure", "Erasure (Art. 17)"
        # A shop left its platform, which asks for everything that came from it.
        SHOP_ERASURE = "shop_erasure", "Erasure of a whole shop"

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        DONE = "done", "Done"
        REJECTED = "rejected", "Rejected"

    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.RECEIVED)
    # None where the request names nobody we know, or a whole shop.
    subject = models.ForeignKey(
        DataSubject,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="privacy_requests",
    )
    source = models.CharField(max_length=60, help_text="Shop, mail, form …")
    # The id of the request in the system it came from; asks for the same thing once.
    reference = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="A month after it came in, unless extended.")
    done_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "reference", "kind"],
                condition=~models.Q(reference=""),
                name="consent_privacy_request_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
