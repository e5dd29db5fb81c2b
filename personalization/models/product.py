"""The catalogue."""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class Product(models.Model):
    product_id = models.CharField(max_length=100, unique=True, help_text="The shop's own id.")
    name = models.CharField(max_length=300)
    category = models.CharField(max_length=120, blank=True, db_index=True)
    department = models.CharField(max_length=120, blank=True)
    brand = models.CharField(max_length=120, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    url = models.URLField(max_length=500, blank=True)
    image_url = models.URLField(max_length=500, blank=True)
    in_stock = models.BooleanField(default=True)
    stock = models.IntegerField(null=True, blank=True, help_text="How many, where the shop tells.")
    is_active = models.BooleanField(default=True)
    # Known from events only; becomes a product when the catalogue names it.
    is_stub = models.BooleanField(default=False, db_default=False, editable=False)
    is_sensitive = models.BooleanField(
        default=False,
        help_text="Never recommended and never named as a reason: medicine, alcohol and the like.",
    )
    is_banned = models.BooleanField(
        "banned", default=False, db_default=False, help_text="Never recommended, whatever is asked."
    )
    pin = models.PositiveSmallIntegerField(
        "pinned at place",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Place among the products that “Pinned by hand” shows; empty for none.",
    )
    attributes: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    # When the catalogue first named it: what came later than the rest is new.
    added_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price__gte=0), name="personalization_product_price_not_negative"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProductChange(models.Model):
    """A price or stock as it was from a moment on: the history that "dropped in price" needs."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    in_stock = models.BooleanField()
    stock = models.IntegerField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["product", "-at"])]

    def __str__(self) -> str:
        return f"product {self.product_id} from {self.at:%d %b %Y}"
