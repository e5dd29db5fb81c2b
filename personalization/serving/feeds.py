"""Lists that are the same for everybody: which strategies need no person, and what a feed holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from personalization.models import Feed
from personalization.recommendations import shelf
from personalization.recommendations.recipe import Chain
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.serving import suggest

# Looks at where a person lives, though not at what they did.
_NEEDS_PLACE = frozenset({"popular_here"})


def strategies() -> dict[str, str]:
    """Return the strategies and live chains that need no person, with their names in menus."""
    plain = {name: kind.label for name, kind in STRATEGIES.items() if _is_for_all(name)}
    chains = {
        slug: f"Chain: {slug}" for slug, chain in shelf.chains().items() if _is_chain_for_all(chain)
    }
    return plain | chains


def body(feed: Feed, *, now: datetime) -> dict[str, Any]:
    """Return what goes out as JSON."""
    return {
        "feed": feed.slug,
        "name": feed.name,
        "items": items(feed.strategy, parameters=feed.parameters, limit=feed.limit, now=now),
    }


def items(
    strategy: str, *, parameters: Mapping[str, object], limit: int, now: datetime
) -> list[dict[str, Any]]:
    return suggest.public_items(strategy=strategy, parameters=parameters, limit=limit, now=now)


def _is_for_all(name: str) -> bool:
    return not STRATEGIES[name].is_personal and name not in _NEEDS_PLACE


def _is_chain_for_all(chain: Chain) -> bool:
    return all(_is_for_all(step["strategy"]) for step in chain.content["steps"])
