"""What a rule may show: the live content blocks with their variants, and the strategies."""

from dataclasses import dataclass

from personalization.models import ContentBlock


@dataclass(frozen=True, slots=True)
class BlockChoice:
    """A live block; `variants` are pairs of key and name, the fallback among them."""

    slug: str
    name: str
    variants: tuple[tuple[str, str], ...]
    fallback: str


def live_blocks() -> list[BlockChoice]:
    """Return every block a rule can name (one query)."""
    blocks = ContentBlock.objects.exclude(live=None).select_related("live")
    return [
        BlockChoice(
            slug=block.slug,
            name=block.name,
            variants=tuple((each["key"], each["name"]) for each in block.live.content["variants"]),
            fallback=block.live.content["fallback"],
        )
        for block in blocks
        if block.live is not None
    ]
