"""What people hold and bought, as state: carts, wishlists and orders, folded from their events."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models

from personalization.models.profile import CustomerProfile

ABANDONED_AFTER = timedelta(hours=1)


class Basket(models.Model):
    """The cart or the wishlist of a person as it is now."""

    class Kind(models.TextChoices):
        CART = "cart", "Cart"
        WISHLIST = "wishlist", "Wishlist"

    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="baskets")
    kind = models.CharField(max_length=8, choices=Kind)
    # [{"product_id": the shop's id, "quantity": n, "price": "12.50" or null}], oldest first.
    items: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(
        default=list
    )
    # Sum of what has a price.
    value = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "kind"], name="personalization_basket_unique"
            )
        ]
        indexes = [models.Index(fields=["kind", "changed_at"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of customer {self.profile_id}"

    def abandoned_since(self, *, now: datetime) -> datetime | None:
        """Return when a cart with something in it was last touched, once that is an hour ago."""
        is_open = self.kind == self.Kind.CART and bool(self.items)
        return self.changed_at if is_open and now - self.changed_at >= ABANDONED_AFTER else None


class Order(models.Model):
    """One order with what was changed, refunded and cancelled later. The same number of the same
    id space is the same order, whichever source told of it."""

    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="orders")
    id_space = models.CharField(max_length=50)
    order_id = models.CharField(max_length=100)
    placed_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    currency = models.CharField(max_length=3, blank=True)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    refunded = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    is_cancelled = models.BooleanField(default=False)
    # A shop may tell of a change before it tells of the order itself.
    is_completed = models.BooleanField(default=True)

    class Meta:
        ordering = ["-placed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "id_space", "order_id"], name="personalization_order_unique"
            )
        ]
        indexes = [
            models.Index(fields=["id_space", "order_id"], name="personalization_order_told"),
            models.Index(fields=["changed_at"], name="personalization_order_changed"),
        ]

    def __str__(self) -> str:
        return f"Order {self.pk}"

    @property
    def net(self) -> Decimal:
        """What stays of it: nothing once cancelled, never below nothing."""
        return Decimal(0) if self.is_cancelled else max(Decimal(0), self.total - self.refunded)
