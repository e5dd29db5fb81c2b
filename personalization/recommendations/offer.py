"""Recommended products for a batch, ready for a template, with the reason of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations.constraints import Constraints, allowed, just_bought
from personalization.recommendations.serve import (
    Ask,
    Recommended,
    Strategy,
    Tier,
    recommend_all,
)
from personalization.recommendations.shelf import Shelf

EXCLUDE_BOUGHT_DAYS = 14
PER_CATEGORY = 2
FALLBACK_REASONS = {
    Tier.FAVOURITE_CATEGORY: "Popular in {category}",
    Tier.SITE: "Popular with our customers",
}
REASONS = {
    Strategy.BECAUSE_YOU_BOUGHT: "Because you bought {cause}",
    Strategy.BECAUSE_YOU_VIEWED: "Because you viewed {cause}",
}
# Said where no single product caused the choice: true for the whole history.
GENERAL_REASONS = {
    Strategy.BECAUSE_YOU_BOUGHT: "Goes with your recent orders",
    Strategy.BECAUSE_YOU_VIEWED: "Goes with what you looked at",
    Strategy.BUY_AGAIN: "You bought it before",
    Strategy.POPULAR: "Popular with our customers",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """`products` is what templates see; `reasons` is what the receipt keeps (ids, no names)."""

    products: list[dict[str, object]] = field(default_factory=list)
    reasons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Offers:
    by_subject: Mapping[int, Offer]

    def of(self, subject_id: int) -> Offer:
        return self.by_subject.get(subject_id, Offer())


def offers_for(
    wanted: Sequence[tuple[LoadedProfile, str]], *, shelf: Shelf | None, count: int
) -> Offers:
    """Recommend for a batch of (profile, strategy); one query for all products named."""
    if shelf is None or not count:
        return Offers(by_subject={})
    found = recommend_all(
        shelf.model,
        [_ask(profile, strategy) for profile, strategy in wanted],
        allowed=allowed(shelf.catalogue, constraints=Constraints()),
        limit=count,
        per_category=PER_CATEGORY,
    )
    chosen = {profile.subject_id: items for (profile, _), items in zip(wanted, found, strict=True)}
    products = _products(item for items in chosen.values() for item in items)
    return Offers(
        by_subject={
            subject_id: Offer(
                products=[_card(item, products) for item in items if _is_there(item, products)],
                reasons=[_reason_receipt(item) for item in items if _is_there(item, products)],
            )
            for subject_id, items in chosen.items()
        }
    )


def reason(*, strategy: str, tier: int, cause: str, category: str) -> str:
    """Say in a reader's words why a product is shown; names a cause only where it is one."""
    if tier != Tier.PERSONAL:
        return FALLBACK_REASONS[Tier(tier)].format(category=category)
    kind = Strategy(strategy)
    if cause and kind in REASONS:
        return REASONS[kind].format(cause=cause)
    return GENERAL_REASONS[kind]


def _ask(profile: LoadedProfile, strategy: str) -> Ask:
    return Ask(
        recent=_recent(profile, strategy),
        strategy=_strategy(profile, strategy),
        exclude=just_bought(profile.bought, within_days=EXCLUDE_BOUGHT_DAYS),
        favourite_category=str(profile.facts.values.get("traits.favourite_category", "")),
    )


def _strategy(profile: LoadedProfile, asked: str) -> Strategy:
    if not profile.permission.may_profile:
        return Strategy.POPULAR
    return Strategy(asked) if asked else Strategy.BECAUSE_YOU_BOUGHT


def _recent(profile: LoadedProfile, strategy: str) -> tuple[tuple[int, float], ...]:
    return profile.viewed if strategy == Strategy.BECAUSE_YOU_VIEWED else profile.bought


@dataclass(frozen=True, slots=True)
class _Shown:
    """A product as a template sees it, made once for everybody it is shown to."""

    is_there: bool
    name: str
    category: str
    card: dict[str, object]


_PRODUCTS = """
SELECT id, is_active AND in_stock, name, url, image_url, price, currency, category
FROM personalization_product WHERE id = ANY(%s)
"""


def _products(items: Iterable[Recommended]) -> dict[int, _Shown]:
    """Look again: since the shelf was read, a product may have been sold out or deleted."""
    ids = {pk for item in items for pk in (item.product_id, item.because_of) if pk is not None}
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PRODUCTS, [list(ids)])
        return {row[0]: _shown(row) for row in cursor.fetchall()}


def _shown(row: Sequence[Any]) -> _Shown:
    _, is_there, name, url, image, price, currency, category = row
    card: dict[str, object] = {
        "name": name,
        "url": url,
        "image_url": image,
        "price": str(price.quantize(Decimal("0.01"))),
        "currency": currency,
        "category": category,
    }
    return _Shown(is_there=is_there, name=name, category=category, card=card)


def _is_there(item: Recommended, products: Mapping[int, _Shown]) -> bool:
    product = products.get(item.product_id)
    return product is not None and product.is_there


def _card(item: Recommended, products: Mapping[int, _Shown]) -> dict[str, object]:
    product = products[item.product_id]
    cause = products.get(item.because_of) if item.because_of is not None else None
    words = reason(
        strategy=item.strategy,
        tier=item.tier,
        cause=cause.name if cause else "",
        category=product.category,
    )
    return {**product.card, "reason": words}


def _reason_receipt(item: Recommended) -> dict[str, Any]:
    return {
        "product": item.product_id,
        "strategy": str(item.strategy),
        "tier": int(item.tier),
        "because_of": item.because_of,
        "score": round(item.score, 4),
    }
