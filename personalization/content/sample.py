"""A made-up reader for previews, in two forms: one we know well, one we know nothing about."""

from typing import Any, Literal

from personalization.content import own
from personalization.models import Product

Reader = Literal["known", "unknown"]
PRODUCTS = 4
_REASONS = ("Because you bought {}", "Popular with our customers")

OFFER = {
    "slug": "welcome-back",
    "name": "Welcome back",
    "code": "EXAMPLE-CODE",
    "value": "10 %",
    "valid_from": "2027-01-01",
    "valid_until": "2027-01-31",
}


def context(reader: Reader, *, language: str = "en") -> dict[str, Any]:
    """Return what a content block sees; products are real ones of the catalogue (two queries)."""
    is_known = reader == "known"
    products = list(
        Product.objects.filter(is_active=True, in_stock=True, is_sensitive=False).order_by(
            "-updated_at", "pk"
        )[: PRODUCTS + 1]
    )
    names = {
        "first_name": "Anna", "last_name": "Example", "city": "Utrecht", "language": language,
    }  # fmt: skip
    category = products[0].category if products else "Coffee"
    traits: dict[str, Any] = {
        "recency_days": 12,
        "order_count": 7,
        "total_spent": 412.5,
        "average_order_value": 58.93,
        "favourite_category": category or "Coffee",
        "category_affinities": [category or "Coffee", "Tea"],
        "brand_affinities": [products[0].brand if products and products[0].brand else "Alma"],
        "historic_value": 1284.0,
        "predicted_value_12m": 390.0,
        "churn_probability": 0.12,
        "next_order_date": "2027-01-15",
        "rfm": "543",
        "rfm_recency": 5,
        "rfm_frequency": 4,
        "rfm_monetary": 3,
        "engagement": 74,
        "days_since_last_view": 3,
        "days_since_last_open": 5,
        "preferred_hour": 19,
    }
    return {
        "customer": names if is_known else dict.fromkeys(names, ""),
        "traits": {**own.examples(), **traits} if is_known else {},
        "recommendations": [
            _card(product, cause=products[-1], is_known=is_known) for product in products[:PRODUCTS]
        ],
        "offer": OFFER if is_known else {},
    }


def _card(product: Product, *, cause: Product, is_known: bool) -> dict[str, str]:
    return {
        "name": product.name,
        "url": product.url,
        "image_url": product.image_url,
        "price": f"{product.price:.2f}",
        "currency": product.currency,
        "category": product.category,
        "reason": _REASONS[0].format(cause.name) if is_known else _REASONS[1],
    }
