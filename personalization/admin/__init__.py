"""The admin of personalization, one file a concept."""

from personalization.admin import (
    content_block,
    customer,
    event,
    field,
    product,
    recommendation,
    ruleset,
    segment,
)

__all__ = [
    "content_block",
    "customer",
    "event",
    "field",
    "product",
    "recommendation",
    "ruleset",
    "segment",
]
