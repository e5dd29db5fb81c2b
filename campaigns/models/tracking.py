"""What came back: opens, clicks, bounces; and the orders that a mail may claim."""

from django.db import models

from campaigns.models.campaign import Campaign, Link
from campaigns.models.send import Send


class TrackingEvent(models.Model):
    class Kind(models.TextChoices):
        DELIVERED = "delivered", "Delivered"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Marked as spam"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="tracking")
    # Empty for a person who refused tracking: then only the campaign's count grows.
    send = models.ForeignKey(
        Send, null=True, blank=True, on_delete=models.CASCADE, related_name="tracking"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    link = models.ForeignKey(Link, null=True, blank=True, on_delete=models.SET_NULL)
    is_machine = models.BooleanField(
        default=False, help_text="A mail scanner or proxy, not a person."
    )
    occurred_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["campaign", "kind", "send"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Conversion(models.Model):
    """An order that followed a mail within the attribution window (last mail wins)."""

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="conversions")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="conversions")
    # The order's own key, so that one order is never claimed twice.
    order_key = models.CharField(max_length=200, unique=True)
    occurred_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Conversion {self.pk}"
