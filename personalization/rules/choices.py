"""What a rule may show: the live content blocks with their variants, and the strategies."""

from dataclasses import dataclass

from personalization.models import ContentBlock, Offer
from personalization.recommendations import chains
from personalization.rules.wording import Called, told_apart


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


def called() -> Called:
    """Return what everything is called that an outcome can name (three queries)."""
    blocks = live_blocks()
    return Called(
        blocks=told_apart((block.slug, block.name) for block in blocks),
        variants={
            (block.slug, key): name
            for block in blocks
            for key, name in told_apart(block.variants).items()
        },
        strategies=told_apart(chains.labels().items()),
        offers=told_apart(Offer.objects.values_list("slug", "name")),
    )
