"""Recommend for one person from the live history; claim a reason only where it is true."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from personalization.recommendations.candidates import Part, Source
from personalization.recommendations.constraints import (
    Cap,
    Catalogue,
    Constraints,
    Taken,
    allowed,
    just_bought,
)
from personalization.recommendations.model import Model, positions
from personalization.recommendations.recipe import Recipe, Step
from personalization.recommendations.strategies.base import Ground, Past, Person

# (product key, age in days), in any order; a product may come more than once.
History = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Recommended:
    """`because_of` is set only if the product would not be in this list without that one.

    `tier` is the number of the step of the recipe that found it: 0 is the first choice.
    """

    product_id: int
    score: float
    strategy: str
    tier: int
    because_of: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one person is recommended from; `exclude` holds product keys."""

    recipe: Recipe
    bought: History = ()
    viewed: History = ()
    exclude: Collection[int] = ()
    favourite_category: str = ""
    places: tuple[str, ...] = ()
    # Without the consent to profiling only strategies that are the same for all are asked.
    may_profile: bool = True


class _Choice(NamedTuple):
    tier: int
    score: float
    column: int


# An item of a history: whose history, and the position.
_Cause = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Request:
    """What holds in every tier and in every what-if of the same request."""

    ground: Ground
    person: Person
    steps: tuple[tuple[int, Step], ...]
    blocked: frozenset[int]
    caps: tuple[Cap, ...]
    limit: int
    sources: dict[int, Source] = field(default_factory=dict)

    def source(self, tier: int, step: Step) -> Source:
        """Ask a strategy at most once, and only if the list came so far."""
        found = self.sources.get(tier)
        if found is None:
            found = step.strategy.source(self.ground, self.person, step.options)
            self.sources[tier] = found
        return found

    def walk(self, *, without: _Cause | None) -> Iterator[tuple[int, Part]]:
        for tier, step in self.steps:
            source = self.source(tier, step)
            left_out = None
            if without is not None and without[0] == step.strategy.history:
                left_out = without[1]
            for part in source.best_first(without=left_out):
                yield tier, part


def recommend(model: Model, catalogue: Catalogue, ask: Ask, *, limit: int) -> list[Recommended]:
    """At most `limit` products; empty only if no allowed product is left."""
    return recommend_all(model, catalogue, [ask], limit=limit)[0]


def recommend_all(
    model: Model, catalogue: Catalogue, asks: Sequence[Ask], *, limit: int
) -> list[list[Recommended]]:
    """The same for a batch; all products are looked up in the model at once."""
    wanted = [product for ask in asks for product, _ in (*ask.bought, *ask.viewed)]
    wanted += [product for ask in asks for product in ask.exclude]
    places = _known(model, catalogue, product_ids=wanted)
    grounds: dict[Constraints, Ground] = {}
    found = []
    for ask in asks:
        constraints = ask.recipe.constraints
        ground = grounds.get(constraints)
        if ground is None:
            mask = allowed(catalogue, constraints=constraints)
            ground = grounds[constraints] = Ground(model, catalogue, mask)
        request = _request(ask, ground=ground, places=places, limit=limit)
        found.append(_recommend(request))
    return found


def _known(model: Model, catalogue: Catalogue, *, product_ids: list[int]) -> dict[int, int]:
    """Positions by key; -1 for what is unknown, and for sensitive products: they cause nothing."""
    found = positions(model, product_ids=product_ids)
    if len(model.product_ids):
        found[catalogue.is_sensitive[found]] = -1
    return dict(zip(product_ids, found.tolist(), strict=True))


def _request(ask: Ask, *, ground: Ground, places: Mapping[int, int], limit: int) -> _Request:
    recipe = ask.recipe
    steps = enumerate(recipe.steps)
    fresh = just_bought(ask.bought, within_days=recipe.exclude_bought_days)
    return _Request(
        ground=ground,
        person=_person(ask, places=places) if ask.may_profile else Person(),
        steps=tuple(
            (tier, step) for tier, step in steps if ask.may_profile or not step.strategy.is_personal
        ),
        blocked=frozenset(places[product] for product in (*fresh, *ask.exclude)),
        caps=_caps(recipe, catalogue=ground.catalogue),
        limit=recipe.limit or limit,
    )


def _person(ask: Ask, *, places: Mapping[int, int]) -> Person:
    return Person(
        bought=_past(ask.bought, places=places),
        viewed=_past(ask.viewed, places=places),
        favourite_category=ask.favourite_category,
        places=ask.places,
    )


def _past(history: History, *, places: Mapping[int, int]) -> Past:
    newest_first = sorted(history, key=itemgetter(1))
    return tuple((place, age) for product, age in newest_first if (place := places[product]) >= 0)


def _caps(recipe: Recipe, *, catalogue: Catalogue) -> tuple[Cap, ...]:
    limits = ((catalogue.categories, recipe.per_category), (catalogue.brands, recipe.per_brand))
    return tuple(Cap(codes, limit) for codes, limit in limits if limit is not None)


def _recommend(request: _Request) -> list[Recommended]:
    chosen = _choose(request, without=None)
    causes = _true_causes(request, chosen=chosen)
    product_ids = request.ground.model.product_ids
    steps = dict(request.steps)
    return [
        Recommended(
            product_id=int(product_ids[position]),
            score=choice.score,
            strategy=steps[choice.tier].strategy.name,
            tier=choice.tier,
            because_of=causes.get(position),
            detail=request.sources[choice.tier].detail,
        )
        for position, choice in chosen.items()
    ]


def _choose(request: _Request, *, without: _Cause | None) -> dict[int, _Choice]:
    """Walk the tiers; every product passes the same checks, whichever strategy names it."""
    taken = Taken(request.caps)
    allowed, blocked, limit = request.ground.allowed, request.blocked, request.limit
    chosen: dict[int, _Choice] = {}
    if limit <= 0:
        return chosen
    for tier, (places, values, columns) in request.walk(without=without):
        is_open = allowed[places].tolist()
        for index, position in enumerate(places.tolist()):
            if not is_open[index] or position in blocked or position in chosen:
                continue
            if not taken.admits(position):
                continue
            column = -1 if columns is None else int(columns[index])
            chosen[position] = _Choice(tier, float(values[index]), column)
            if len(chosen) >= limit:
                return chosen
    return chosen


def _true_causes(request: _Request, *, chosen: Mapping[int, _Choice]) -> dict[int, int]:
    """Decide again without each claimed cause: what is still in the list was not caused by it."""
    causes: dict[int, int] = {}
    for cause, claimed in _claims(request, chosen=chosen).items():
        without = _choose(request, without=cause)
        product = int(request.ground.model.product_ids[cause[1]])
        causes.update((position, product) for position in claimed if position not in without)
    return causes


def _claims(request: _Request, *, chosen: Mapping[int, _Choice]) -> dict[_Cause, list[int]]:
    """Group the chosen products by what speaks loudest for them."""
    claims: dict[_Cause, list[int]] = {}
    for tier, step in request.steps:
        own = {position: choice for position, choice in chosen.items() if choice.tier == tier}
        if not own or not step.strategy.history:
            continue
        columns = [choice.column for choice in own.values()]
        causes = request.sources[tier].causes(columns)
        for position, cause in zip(own, causes, strict=True):
            if cause >= 0:
                claims.setdefault((step.strategy.history, cause), []).append(position)
    return claims
