"""The admin of personalization, one file a concept."""

from personalization.admin import (
    content_block,
    customer,
    event,
    field,
    import_run,
    merging,
    offer,
    product,
    quarantine,
    recommendation,
    ruleset,
    segment,
    slot,
    source,
    trait_model,
    webhook_delivery,
)

__all__ = [
    "content_block",
    "customer",
    "event",
    "field",
    "import_run",
    "merging",
    "offer",
    "product",
    "quarantine",
    "recommendation",
    "ruleset",
    "segment",
    "slot",
    "source",
    "trait_model",
    "webhook_delivery",
]
