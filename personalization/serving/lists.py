"""A list of products as an answer tells it, and as its receipt keeps it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from consent.permission import Permission
from personalization import engine, receipts
from personalization.content.context import REASON
from personalization.models import Product
from personalization.receipts import Part
from personalization.recommendations.offer import Offer
from personalization.recommendations.shelf import Shelf, ages

# In this order whether a product is new or comes out of a receipt, which keeps no order.
FIELDS = ("product_id", "name", "url", "image_url", "price", "currency", "category", REASON)


def ordered(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a product with its values in the order in which answers tell them."""
    return {name: card[name] for name in FIELDS if name in card}


def parts(offer: Offer, *, limit: int) -> list[Part]:
    """Return the products as everybody saw them; a chain may have a limit of its own."""
    return [receipts.part(dict(shown)) for shown in offer.shown[:limit]]


def decision(
    offer: Offer, *, cards: Sequence[Part], permission: Permission, shelf: Shelf, now: datetime
) -> dict[str, Any]:
    """Return what a receipt keeps of a list: no slot and no rule, else as of every decision."""
    reasons = offer.reasons[: len(cards)]
    return {
        "permission": engine.told(permission),
        "slots": {},
        "recommendations": reasons,
        "causes": _causes({why["because_of"] for why in reasons} - {None}),
        "strategy": offer.recipe,
        "missing": offer.missing,
        "cards": [card.key for card in cards],
        "model": shelf.number,
        "ages": ages(shelf, now=now),
    }


def items(
    products: Sequence[Mapping[str, Any]], decision: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Put each product beside why it is there; a cause is named by the shop's own id."""
    causes: Mapping[str, str] = decision["causes"]
    return [
        {
            **{name: value for name, value in ordered(card).items() if name != REASON},
            "score": why["score"],
            "reason": {
                "kind": why["strategy"],
                "text": card[REASON],
                "because_of": causes.get(str(why["because_of"])),
            },
        }
        for card, why in zip(products, decision["recommendations"], strict=True)
    ]


def _causes(keys: Collection[int]) -> dict[str, str]:
    """Name causes as the shop does; as text, for so JSON keeps keys."""
    if not keys:
        return {}
    rows = Product.objects.filter(pk__in=keys).values_list("pk", "product_id")
    return {str(pk): product_id for pk, product_id in rows}
