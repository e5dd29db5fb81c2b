"""Recommended products for a batch, ready for a template, with the reason of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from consent import statements
from personalization.profiles.load import HISTORY_ITEMS
from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations.recipe import Recipe, recipe
from personalization.recommendations.serve import Ask, Recommended, recommend_all
from personalization.recommendations.shelf import Shelf
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.recommendations.strategies.shared import PLACE_KINDS

# A cart that was left longer ago says nothing of what is wanted now.
CART_DAYS = 30


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
    # The open cart that was looked at: product keys, the newest first.
    cart: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Offers:
    by_subject: Mapping[int, Offer]
    missing: str = ""

    def of(self, subject_id: int) -> Offer:
        return self.by_subject.get(subject_id, Offer(missing=self.missing))


def offers_for(
    wanted: Sequence[tuple[LoadedProfile, Wish | str]], *, shelf: Shelf | None, count: int
) -> Offers:
    """Recommend for a batch of (profile, wish), one list to a person."""
    found = lists_for(wanted, shelf=shelf, count=count)
    by_subject = {
        profile.subject_id: offer for (profile, _), offer in zip(wanted, found, strict=True)
    }
    return Offers(by_subject, missing=_unasked(shelf, count=count))


def lists_for(
    wanted: Sequence[tuple[LoadedProfile, Wish | str]], *, shelf: Shelf | None, count: int
) -> list[Offer]:
    """Make a list for each (profile, wish); one query for all products named."""
    if shelf is None or not count:
        return [Offer(missing=_unasked(shelf, count=count)) for _ in wanted]
    recipes = _recipes([wish for _, wish in wanted], shelf=shelf)
    asks = _asks([profile for profile, _ in wanted], recipes)
    asks = _with_carts(asks, [profile for profile, _ in wanted])
    asks = _with_long_histories(asks, [profile for profile, _ in wanted])
    found = recommend_all(shelf.model, shelf.catalogue, asks, limit=count)
    products = _products(item for items in found for item in items)
    found, products = _without_gone(asks, found, products, shelf=shelf, count=count)
    cards = _Cards(products, gone=_gone(found, products))
    return [
        _offer(items, cards, ask=ask, shelf=shelf) for ask, items in zip(asks, found, strict=True)
    ]


def _unasked(shelf: Shelf | None, *, count: int) -> str:
    """Why nobody at all gets anything; "" where there is a shelf and a place."""
    if not count:
        return "no_places"
    return "" if shelf else "empty_catalogue"


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


def _asks(profiles: Sequence[LoadedProfile], recipes: Sequence[Recipe]) -> list[Ask]:
    """Say for each list what it is made from; where somebody lives is looked up once."""
    homes: dict[int, tuple[str, tuple[str, ...]]] = {}
    asks = []
    for profile, made in zip(profiles, recipes, strict=True):
        home = homes.get(id(profile))
        if home is None:
            home = homes[id(profile)] = _home(profile)
        favourite, places = home
        asks.append(
            Ask(
                made, profile.bought, profile.viewed, (), (), favourite, places,
                profile.permission.may_profile,
            )
        )  # fmt: skip
    return asks


def _home(profile: LoadedProfile) -> tuple[str, tuple[str, ...]]:
    values = profile.facts.values
    places = [(kind, values.get(f"attributes.{kind}")) for kind in PLACE_KINDS]
    return (
        str(values.get("traits.favourite_category", "")),
        tuple([f"{kind}:{place}" for kind, place in places if place]),
    )


# The newest first, and all of one age: a cart is one visit.
_CARTS = """
SELECT b.profile_id, array_agg(p.id ORDER BY item.number DESC)
FROM personalization_basket b
CROSS JOIN LATERAL jsonb_array_elements(b.items) WITH ORDINALITY AS item(content, number)
JOIN personalization_product p ON p.product_id = item.content->>'product_id'
WHERE b.kind = 'cart' AND b.profile_id = ANY(%s)
  AND b.changed_at > now() - %s * interval '1 day'
GROUP BY b.profile_id
"""


def _with_carts(asks: list[Ask], profiles: Sequence[LoadedProfile]) -> list[Ask]:
    """Read the open carts of those whose list looks at one; no query where none does."""
    wanted = [
        (number, profile.subject_id)
        for number, (ask, profile) in enumerate(zip(asks, profiles, strict=True))
        if ask.may_profile and ask.recipe.looks_at_cart
    ]
    if not wanted:
        return asks
    asked = [[person for _, person in wanted], CART_DAYS]
    rows = statements.rows(_CARTS, asked, people=len(wanted))
    carts = {person: tuple((pk, 0.0) for pk in pks) for person, pks in rows}
    asks = list(asks)
    for number, person in wanted:
        if person in carts:
            asks[number] = replace(asks[number], cart=carts[person])
    return asks


# A day more than asked, because ages count from the moment of the decision.
_BOUGHT = """
SELECT DISTINCT person.id, person.days, t.product_id
FROM personalization_eventitem t
JOIN unnest(%s::bigint[], %s::double precision[]) AS person(id, days)
  ON t.profile_id = person.id
WHERE t.name = 'Order Completed'
  AND t.occurred_at > now() - (person.days + 1) * interval '1 day'
"""


def _with_long_histories(asks: list[Ask], profiles: Sequence[LoadedProfile]) -> list[Ask]:
    """Read on where the loaded part of a long history ends within the days to leave out."""
    cut = [
        (number, (profile.subject_id, ask.recipe.exclude_bought_days))
        for number, (ask, profile) in enumerate(zip(asks, profiles, strict=True))
        if len(ask.bought) >= HISTORY_ITEMS and ask.bought[-1][1] <= ask.recipe.exclude_bought_days
    ]
    if not cut:
        return asks
    bought: dict[tuple[int, float], list[int]] = {}
    asked = [*map(list, zip(*{key for _, key in cut}, strict=True))]
    for person, days, product in statements.rows(_BOUGHT, asked, people=len(cut)):
        bought.setdefault((person, days), []).append(product)
    asks = list(asks)
    for number, key in cut:
        asks[number] = replace(asks[number], exclude=bought.get(key, asks[number].exclude))
    return asks


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
    rows = statements.rows(_PRODUCTS, [list(ids)], people=len(ids))
    return {row[0]: _shown(row) for row in rows}


def _without_gone(
    asks: Sequence[Ask],
    found: _Found,
    products: dict[int, _Shown],
    *,
    shelf: Shelf,
    count: int,
) -> tuple[_Found, dict[int, _Shown]]:
    """Ask again, without them, for those whose list holds what is gone."""
    gone = _gone(found, products)
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


def _offer(items: Sequence[Recommended], cards: "_Cards", *, ask: Ask, shelf: Shelf) -> Offer:
    products = cards.products
    there = [item for item in items if item.product_id not in cards.gone] if cards.gone else items
    return Offer(
        products=[cards.of(item) for item in there],
        reasons=[_reason_receipt(item) for item in there],
        missing="" if there else _missing(shelf),
        shown=[products[item.product_id].pairs for item in there],
        recipe={"name": ask.recipe.name, "version": ask.recipe.version},
        cart=tuple(pk for pk, _ in ask.cart),
    )


def _missing(shelf: Shelf) -> str:
    catalogue = shelf.catalogue
    if not catalogue.is_active.any():
        return "empty_catalogue"
    has_stock = (catalogue.is_active & catalogue.is_in_stock).any()
    return "nothing_allowed" if has_stock else "sold_out"


@lru_cache(maxsize=4096)
def _shown(row: tuple[Any, ...]) -> _Shown:
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


def _gone(found: _Found, products: Mapping[int, _Shown]) -> set[int]:
    """Return the products that were chosen and cannot be had any more."""
    chosen = {item.product_id for items in found for item in items}
    return {pk for pk in chosen if pk not in products or not products[pk].is_there}


class _Cards:
    """Products with the words of their reason: made once for all who are told the same."""

    def __init__(self, products: Mapping[int, _Shown], *, gone: set[int]) -> None:
        self.products = products
        self.gone = gone
        self._made: dict[tuple[int, str, int | None, str], dict[str, object]] = {}

    def of(self, item: Recommended) -> dict[str, object]:
        key = (item.product_id, item.strategy, item.because_of, item.detail)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = _card(item, self.products)
        return found


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
    told = {
        "product": item.product_id,
        "strategy": item.strategy,
        "tier": item.tier,
        "because_of": item.because_of,
        "score": round(item.score, 4),
    }
    if item.detail:
        told["detail"] = item.detail
    return told
