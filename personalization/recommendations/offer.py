"""Recommended products for a batch, ready for a template, with the reason of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db import connection

from personalization.profiles.load import HISTORY_ITEMS
from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations.recipe import Recipe, recipe
from personalization.recommendations.serve import Ask, Recommended, recommend_all
from personalization.recommendations.shelf import Shelf
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.recommendations.strategies.shared import PLACE_KINDS


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule's outcome says of recommendations; "" is the default strategy."""

    strategy: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)


Shown = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """`products` is what templates see; `reasons` is what the receipt keeps (ids, no names).

    `missing` names why nothing is there: no_places, empty_catalogue, sold_out, nothing_allowed.
    """

    products: list[dict[str, object]] = field(default_factory=list)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    missing: str = ""
    # The products as everybody sees them, without a reason: in pairs of name and value.
    shown: list[Shown] = field(default_factory=list)
    # The strategy or chain that was asked, with the chain's version.
    recipe: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offers:
    by_subject: Mapping[int, Offer]
    missing: str = ""

    def of(self, subject_id: int) -> Offer:
        return self.by_subject.get(subject_id, Offer(missing=self.missing))


def offers_for(
    wanted: Sequence[tuple[LoadedProfile, Wish | str]], *, shelf: Shelf | None, count: int
) -> Offers:
    """Recommend for a batch of (profile, wish); one query for all products named."""
    if shelf is None or not count:
        return Offers(by_subject={}, missing="no_places" if not count else "empty_catalogue")
    recipes = _recipes([wish for _, wish in wanted], shelf=shelf)
    asks = [_ask(profile, made) for (profile, _), made in zip(wanted, recipes, strict=True)]
    asks = _with_long_histories(asks, [profile for profile, _ in wanted])
    found = recommend_all(shelf.model, shelf.catalogue, asks, limit=count)
    products = _products(item for items in found for item in items)
    found, products = _without_gone(asks, found, products, shelf=shelf, count=count)
    return Offers(
        by_subject={
            profile.subject_id: _offer(items, products, made=ask.recipe, shelf=shelf)
            for (profile, _), ask, items in zip(wanted, asks, found, strict=True)
        }
    )


def reason(*, strategy: str, cause: str, category: str, detail: str = "") -> str:
    """Say in a reader's words why a product is shown; names a cause only where it is one."""
    kind = STRATEGIES.get(strategy)
    if kind is None:
        return "Chosen for you"
    if cause and kind.because:
        return kind.because.format(cause=cause)
    return kind.general.format(category=category or "our range", detail=detail)


def _recipes(wishes: Sequence[Wish | str], *, shelf: Shelf) -> list[Recipe]:
    """Read each wish once: all people of a rule share the object its outcome is."""
    read: dict[tuple[str, int], Recipe] = {}
    recipes = []
    for wish in wishes:
        strategy, parameters = (wish, {}) if isinstance(wish, str) else _parts(wish)
        key = (strategy, id(parameters) if parameters else 0)
        found = read.get(key)
        if found is None:
            found = read[key] = recipe(strategy, parameters, chains=shelf.chains)
        recipes.append(found)
    return recipes


def _parts(wish: Wish) -> tuple[str, Mapping[str, object]]:
    return wish.strategy, wish.parameters


def _ask(profile: LoadedProfile, made: Recipe) -> Ask:
    values = profile.facts.values
    places = [(kind, values.get(f"attributes.{kind}")) for kind in PLACE_KINDS]
    return Ask(
        recipe=made,
        bought=profile.bought,
        viewed=profile.viewed,
        favourite_category=str(values.get("traits.favourite_category", "")),
        places=tuple(f"{kind}:{place}" for kind, place in places if place),
        may_profile=profile.permission.may_profile,
    )


_BOUGHT = """
SELECT DISTINCT t.profile_id, t.product_id
FROM personalization_eventitem t
JOIN unnest(%s::bigint[], %s::double precision[]) AS person(id, days)
  ON t.profile_id = person.id
WHERE t.name = 'Order Completed' AND t.occurred_at > now() - person.days * interval '1 day'
"""


def _with_long_histories(asks: list[Ask], profiles: Sequence[LoadedProfile]) -> list[Ask]:
    """Read on where the loaded part of a long history ends within the days to leave out."""
    cut = {
        profile.subject_id: ask.recipe.exclude_bought_days
        for ask, profile in zip(asks, profiles, strict=True)
        if len(ask.bought) >= HISTORY_ITEMS and ask.bought[-1][1] <= ask.recipe.exclude_bought_days
    }
    if not cut:
        return asks
    bought: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        # A day more, because ages count from the moment of the decision.
        cursor.execute(_BOUGHT, [list(cut), [days + 1 for days in cut.values()]])
        for person, product in cursor.fetchall():
            bought.setdefault(person, []).append(product)
    return [
        replace(ask, exclude=bought.get(profile.subject_id, ask.exclude))
        for ask, profile in zip(asks, profiles, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A product as a template sees it, made once for everybody it is shown to."""

    is_there: bool
    name: str
    category: str
    card: dict[str, object]
    pairs: Shown


_Found = list[list[Recommended]]
_PRODUCTS = """
SELECT id, is_active AND in_stock AND NOT is_sensitive AND NOT is_banned,
       product_id, name, url, image_url, price, currency, category
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


def _without_gone(
    asks: Sequence[Ask],
    found: _Found,
    products: dict[int, _Shown],
    *,
    shelf: Shelf,
    count: int,
) -> tuple[_Found, dict[int, _Shown]]:
    """Ask again, without them, for those whose list holds what is gone."""
    gone = {item.product_id for items in found for item in items if not _is_there(item, products)}
    if not gone:
        return found, products
    touched = [
        number
        for number, items in enumerate(found)
        if any(item.product_id in gone for item in items)
    ]
    again = [replace(asks[number], exclude={*asks[number].exclude, *gone}) for number in touched]
    fresh = recommend_all(shelf.model, shelf.catalogue, again, limit=count)
    replaced = dict(zip(touched, fresh, strict=True))
    products |= _products(item for items in fresh for item in items)
    return [replaced.get(number, items) for number, items in enumerate(found)], products


def _offer(
    items: Sequence[Recommended],
    products: Mapping[int, _Shown],
    *,
    made: Recipe,
    shelf: Shelf,
) -> Offer:
    there = [item for item in items if _is_there(item, products)]
    return Offer(
        products=[_card(item, products) for item in there],
        reasons=[_reason_receipt(item) for item in there],
        missing="" if there else _missing(shelf),
        shown=[products[item.product_id].pairs for item in there],
        recipe={"name": made.name, "version": made.version},
    )


def _missing(shelf: Shelf) -> str:
    catalogue = shelf.catalogue
    if not catalogue.is_active.any():
        return "empty_catalogue"
    has_stock = (catalogue.is_active & catalogue.is_in_stock).any()
    return "nothing_allowed" if has_stock else "sold_out"


def _shown(row: Sequence[Any]) -> _Shown:
    _, is_there, product_id, name, url, image, price, currency, category = row
    card: dict[str, object] = {
        "product_id": product_id,
        "name": name,
        "url": url,
        "image_url": image,
        "price": str(price.quantize(Decimal("0.01"))),
        "currency": currency,
        "category": category,
    }
    return _Shown(
        is_there=is_there, name=name, category=category, card=card, pairs=tuple(card.items())
    )


def _is_there(item: Recommended, products: Mapping[int, _Shown]) -> bool:
    product = products.get(item.product_id)
    return product is not None and product.is_there


def _card(item: Recommended, products: Mapping[int, _Shown]) -> dict[str, object]:
    product = products[item.product_id]
    cause = products.get(item.because_of) if item.because_of is not None else None
    words = reason(
        strategy=item.strategy,
        cause=cause.name if cause else "",
        category=product.category,
        detail=item.detail,
    )
    return {**product.card, "reason": words}


def _reason_receipt(item: Recommended) -> dict[str, Any]:
    return {
        "product": item.product_id,
        "strategy": item.strategy,
        "tier": item.tier,
        "because_of": item.because_of,
        "score": round(item.score, 4),
        **({"detail": item.detail} if item.detail else {}),
    }
