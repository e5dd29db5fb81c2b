"""Random shops, people and rules, and everything a list of recommendations has to keep."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from personalization.recommendations import vmis
from personalization.recommendations.constraints import Catalogue, Constraints
from personalization.recommendations.model import ALWAYS, Model, Places, assemble
from personalization.recommendations.neighbours import Neighbours
from personalization.recommendations.recipe import Chain, Recipe, parameter_faults, recipe
from personalization.recommendations.serve import Ask, Recommended, recommend
from personalization.recommendations.strategies.registry import STRATEGIES

Rng = np.random.Generator
CATEGORIES, BRANDS = ("tea", "cake", "soap"), ("Acme", "Bolt")
PLACES = ("city:Köln", "country:DE")
FIRST_KEY, STEP = 100, 7


@dataclass(frozen=True, slots=True)
class World:
    model: Model
    catalogue: Catalogue
    ask: Ask
    limit: int


def world(seed: int) -> World:
    """A shop of up to 40 products, a person, and a rule: the same for the same seed."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([0, 1, 2, 5, 12, 25, 40], p=[0.01, 0.04, 0.05, 0.2, 0.3, 0.2, 0.2]))
    catalogue = _catalogue(rng, count=count)
    model = _model(rng, count=count, catalogue=catalogue)
    ask = Ask(
        recipe=_recipe(rng),
        bought=_history(rng, count=count),
        viewed=_history(rng, count=count),
        cart=_cart(rng, count=count),
        exclude=frozenset(_keys(rng, count=count, most=4)),
        favourite_category=str(rng.choice(["", *CATEGORIES])),
        places=tuple(place for place in PLACES if rng.random() < 0.5),
        may_profile=bool(rng.random() < 0.85),
    )
    return World(model, catalogue, ask, limit=int(rng.integers(1, 7)))


def check(seed: int) -> Counter[str]:
    """Recommend in a world and verify the list; an AssertionError names what it breaks."""
    made = world(seed)
    found = recommend(made.model, made.catalogue, made.ask, limit=made.limit)
    permitted = _permitted(made)
    shown = [item.product_id for item in found]
    assert len(set(shown)) == len(shown) <= _limit(made), "a product twice, or too many"
    assert set(shown) <= permitted, f"constraint broken by {set(shown) - permitted}"
    _check_caps(made, shown)
    _check_places(made, shown, permitted=permitted)
    _check_consent(made, found)
    claims = [item for item in found if item.because_of is not None]
    for item in claims:
        _check_claim(made, item)
    return Counter(
        worlds=1,
        products=len(found),
        claims=len(claims),
        fallbacks=sum(item.tier > 0 for item in found),
        constrained=int(made.ask.recipe.constraints != Constraints()),
        nothing_allowed=int(not permitted),
        **{f"of {item.strategy}": 0 for item in found},
    ) + Counter(f"of {item.strategy}" for item in found)


def _permitted(made: World) -> set[int]:
    """Say product by product what may be shown, without the code that is tested."""
    stock, limits = made.catalogue, made.ask.recipe.constraints
    days = made.ask.recipe.exclude_bought_days
    fresh = {product for product, age in made.ask.bought if age <= days}
    found = set()
    for place, product in enumerate(stock.product_ids.tolist()):
        price, margin = float(stock.prices[place]), float(stock.margins[place])
        category = _name(stock.category_names, int(stock.categories[place]))
        brand = _name(stock.brand_names, int(stock.brands[place]))
        is_refused = (
            not stock.is_active[place]
            or not stock.is_in_stock[place]
            or stock.is_sensitive[place]
            or stock.is_banned[place]
            or product in fresh
            or product in made.ask.exclude
            or product in dict(made.ask.cart)
            or (limits.price_from is not None and not price >= limits.price_from)
            or (limits.price_to is not None and not price <= limits.price_to)
            or (limits.margin_from is not None and not margin >= limits.margin_from)
            or (limits.categories and category not in limits.categories)
            or (category and category in limits.excluded_categories)
            or (limits.brands and brand not in limits.brands)
            or (brand and brand in limits.excluded_brands)
        )
        if not is_refused:
            found.add(product)
    return found


def _check_caps(made: World, shown: list[int]) -> None:
    for codes, limit in _caps(made):
        counts = Counter(codes[product] for product in shown if codes[product] >= 0)
        assert not limit or all(n <= limit for n in counts.values()), "a cap is broken"


def _check_places(made: World, shown: list[int], *, permitted: set[int]) -> None:
    """A place is empty only if no product that is left fits."""
    assert bool(shown) == bool(permitted), "an empty list while something is allowed"
    if len(shown) == _limit(made):
        return
    for product in permitted - set(shown):
        is_full = any(
            limit
            and codes[product] >= 0
            and [codes[p] for p in shown].count(codes[product]) >= limit
            for codes, limit in _caps(made)
        )
        assert is_full, f"place left empty while {product} fits"


def _check_consent(made: World, found: list[Recommended]) -> None:
    if made.ask.may_profile:
        return
    for item in found:
        assert not STRATEGIES[item.strategy].is_personal, "personal without consent"
        assert item.because_of is None, "a cause without consent"


def _check_claim(made: World, item: Recommended) -> None:
    """Decide all over again for somebody without the cause."""
    kind = _history_of(made, item)
    history = getattr(made.ask, kind)
    assert item.because_of in {product for product, _ in history}, "a cause nobody ever had"
    place = made.catalogue.product_ids.tolist().index(item.because_of)
    assert not made.catalogue.is_sensitive[place], "a sensitive product as the cause"
    days = made.ask.recipe.exclude_bought_days
    fresh = {product for product, age in made.ask.bought if age <= days}
    without = [entry for entry in history if entry[0] != item.because_of]
    # What is left out stays left out: only the reason is taken away.
    kept = fresh | frozenset(made.ask.exclude) | frozenset(dict(made.ask.cart))
    other = replace(made.ask, exclude=kept)
    setattr(other, kind, without)
    again = recommend(made.model, made.catalogue, other, limit=made.limit)
    assert item.product_id not in {each.product_id for each in again}, "a cause that is none"


def _history_of(made: World, item: Recommended) -> str:
    """Say where the cause was found: with a known product in it the cart comes before orders."""
    kind = STRATEGIES[item.strategy].history
    stock = made.catalogue
    usable = set(stock.product_ids[~stock.is_sensitive].tolist())
    if kind == "cart" and not usable & set(dict(made.ask.cart)):
        return "bought"
    return kind


def _limit(made: World) -> int:
    return made.ask.recipe.limit or made.limit


def _caps(made: World) -> list[tuple[dict[int, int], int | None]]:
    keys, stock = made.catalogue.product_ids.tolist(), made.catalogue
    return [
        (dict(zip(keys, stock.categories.tolist(), strict=True)), made.ask.recipe.per_category),
        (dict(zip(keys, stock.brands.tolist(), strict=True)), made.ask.recipe.per_brand),
    ]


def _name(names: tuple[str, ...], code: int) -> str:
    return names[code] if code >= 0 else ""


def _recipe(rng: Rng) -> Recipe:
    """A strategy or a chain, with parameters that passed the check."""
    names = list(STRATEGIES)
    chain = Chain(
        slug="mine",
        version=1,
        content={
            "steps": [
                {"strategy": str(name)}
                for name in rng.choice(names, size=int(rng.integers(1, 5)), replace=False)
            ],
            "parameters": _parameters(rng),
        },
    )
    strategy = str(rng.choice(["mine", *names]))
    parameters = _parameters(rng)
    faults = list(parameter_faults(strategy, parameters, chains={"mine": chain}))
    assert not faults, faults
    return recipe(strategy, parameters, chains={"mine": chain})


def _parameters(rng: Rng) -> dict[str, Any]:
    found: dict[str, Any] = {
        "limit": int(rng.integers(1, 7)),
        "categories": [str(rng.choice([*CATEGORIES, "unheard of"]))],
        "exclude_categories": [str(rng.choice(CATEGORIES))],
        "brands": [str(rng.choice(BRANDS))],
        "exclude_brands": [str(rng.choice(BRANDS))],
        "margin_from": int(rng.integers(-20, 60)),
        "per_category": int(rng.integers(1, 4)),
        "per_brand": int(rng.integers(1, 4)),
        "exclude_bought_days": int(rng.integers(0, 30)),
    }
    kept = {name: value for name, value in found.items() if rng.random() < 0.15}
    if rng.random() < 0.2:
        low, high = sorted(rng.integers(0, 30, 2).tolist())
        kept |= {"price_from": low, "price_to": high}
    return kept


def _history(rng: Rng, *, count: int) -> list[tuple[int, float]]:
    keys = _keys(rng, count=count, most=14)
    return sorted(((key, float(rng.integers(0, 40))) for key in keys), key=lambda entry: entry[1])


def _cart(rng: Rng, *, count: int) -> list[tuple[int, float]]:
    """Most people have none."""
    return [(key, 0.0) for key in _keys(rng, count=count, most=3)] if rng.random() < 0.3 else []


def _keys(rng: Rng, *, count: int, most: int) -> list[int]:
    """Keys of products; some are unknown to the shop."""
    size = int(rng.integers(0, most + 1))
    return [FIRST_KEY + STEP * int(place) for place in rng.integers(0, count + 3, size)]


def _catalogue(rng: Rng, *, count: int) -> Catalogue:
    open_share = rng.choice([0.1, 0.6, 1.0])
    return Catalogue(
        product_ids=FIRST_KEY + STEP * np.arange(count, dtype=np.int64),
        is_active=rng.random(count) < 0.95,
        is_in_stock=rng.random(count) < open_share,
        is_sensitive=rng.random(count) < 0.1,
        is_banned=rng.random(count) < 0.05,
        prices=np.where(rng.random(count) < 0.9, rng.integers(1, 30, count), np.nan),
        margins=np.where(rng.random(count) < 0.8, rng.integers(-10, 70, count), np.nan),
        categories=rng.integers(-1, len(CATEGORIES), count).astype(np.int32),
        category_names=CATEGORIES,
        brands=rng.integers(-1, len(BRANDS), count).astype(np.int32),
        brand_names=BRANDS,
        pinned=rng.permutation(count)[: int(rng.integers(0, 4))].astype(np.int32),
    )


def _model(rng: Rng, *, count: int, catalogue: Catalogue) -> Model:
    """Ties and zeros are frequent: that is where orders go wrong."""
    names = sorted(CATEGORIES)
    # At the training some products stood in another category.
    codes = [names.index(name) if name else -1 for name in _told(rng, catalogue)]
    clicks = int(rng.integers(0, 60)) if count else 0
    starts = np.arange(len(PLACES) + 1) * min(count, 5)
    local = [rng.permutation(count)[:5] for _ in PLACES]
    return assemble(
        catalogue.product_ids,
        neighbours=_lists(rng, count=count),
        viewed=_lists(rng, count=count),
        together=_lists(rng, count=count),
        popularity=rng.integers(0, 5, count).astype(np.float32),
        categories=np.array(codes, dtype=np.int32),
        category_names=names,
        trends=np.maximum(rng.integers(-3, 4, count), 0).astype(np.float32),
        ages=np.where(rng.random(count) < 0.3, rng.integers(0, 60, count), ALWAYS).astype(
            np.float32
        ),
        places=Places(
            numbers={name: number for number, name in enumerate(PLACES)},
            starts=starts.astype(np.int32),
            positions=np.concatenate(local).astype(np.int32),
            scores=np.concatenate([np.sort(rng.random(len(p)))[::-1] for p in local]).astype(
                np.float32
            ),
        ),
        sessions=vmis.fit(
            rng.integers(0, 15, clicks),
            items=rng.integers(0, max(count, 1), clicks),
            times=rng.random(clicks),
            item_count=count,
        ),
    )


def _told(rng: Rng, catalogue: Catalogue) -> list[str]:
    now = [_name(CATEGORIES, code) for code in catalogue.categories.tolist()]
    return [str(rng.choice(["", *CATEGORIES])) if rng.random() < 0.1 else name for name in now]


def _lists(rng: Rng, *, count: int) -> Neighbours:
    width = 6
    ids = np.full((count, width), -1, dtype=np.int32)
    scores = np.zeros((count, width), dtype=np.float32)
    for place in range(count):
        others = rng.permutation(count)[: int(rng.integers(0, width + 1))]
        others = others[others != place]
        values = np.sort(rng.integers(1, 9, len(others)) / 8)[::-1]
        ids[place, : len(others)], scores[place, : len(others)] = others, values
    return Neighbours(ids=ids, scores=scores)
