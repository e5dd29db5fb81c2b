"""The admin of personalization, one file a concept."""

from personalization.admin import (
    content_block,
    ruleset,
    segment,
)

__all__ = [
    "content_block",
    "ruleset",
    "segment",
]
