"""Recommend for one person from the live history; claim a reason only where it is true."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from personalization.recommendations.candidates import Part, Source
from personalization.recommendations.constraints import (
    Cap,
    Catalogue,
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


_Steps = tuple[tuple[int, Step], ...]


@dataclass(frozen=True, slots=True)
class _Kitchen:
    """What all people of one recipe share."""

    ground: Ground
    steps: _Steps
    # The steps for those who did not allow profiling.
    shared_steps: _Steps
    caps: tuple[Cap, ...]
    # The histories that any step looks at.
    histories: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Request:
    """What holds in every tier and in every what-if of the same request."""

    ground: Ground
    person: Person
    steps: _Steps
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
    wanted = [product for ask in asks for product, _ in ask.bought]
    wanted += [product for ask in asks for product, _ in ask.viewed]
    wanted += [product for ask in asks for product in ask.exclude]
    places = _known(model, catalogue, product_ids=wanted)
    # By identity: people of one rule share the recipe, and the work it takes to prepare it.
    kitchens: dict[int, _Kitchen] = {}
    found = []
    for ask in asks:
        kitchen = kitchens.get(id(ask.recipe))
        if kitchen is None:
            kitchen = kitchens[id(ask.recipe)] = _kitchen(ask.recipe, model, catalogue)
        found.append(_recommend(_request(ask, kitchen=kitchen, places=places, limit=limit)))
    return found


def _known(model: Model, catalogue: Catalogue, *, product_ids: list[int]) -> dict[int, int]:
    """Positions by key; -1 for what is unknown, and for sensitive products: they cause nothing."""
    found = positions(model, product_ids=product_ids)
    if len(model.product_ids):
        found[catalogue.is_sensitive[found]] = -1
    return dict(zip(product_ids, found.tolist(), strict=True))


def _kitchen(recipe: Recipe, model: Model, catalogue: Catalogue) -> _Kitchen:
    limits = ((catalogue.categories, recipe.per_category), (catalogue.brands, recipe.per_brand))
    steps = tuple(enumerate(recipe.steps))
    return _Kitchen(
        ground=Ground(model, catalogue, allowed(catalogue, constraints=recipe.constraints)),
        steps=steps,
        shared_steps=tuple(each for each in steps if not each[1].strategy.is_personal),
        caps=tuple(Cap(codes, limit) for codes, limit in limits if limit is not None),
        histories=frozenset(step.strategy.history for step in recipe.steps),
    )


def _request(ask: Ask, *, kitchen: _Kitchen, places: Mapping[int, int], limit: int) -> _Request:
    recipe = ask.recipe
    fresh = just_bought(ask.bought, within_days=recipe.exclude_bought_days)
    return _Request(
        ground=kitchen.ground,
        person=_person(ask, places=places, histories=kitchen.histories)
        if ask.may_profile
        else Person(),
        steps=kitchen.steps if ask.may_profile else kitchen.shared_steps,
        blocked=frozenset(places[product] for product in (*fresh, *ask.exclude)),
        caps=kitchen.caps,
        limit=recipe.limit or limit,
    )


def _person(ask: Ask, *, places: Mapping[int, int], histories: frozenset[str]) -> Person:
    """Turn into positions what the steps will look at."""
    return Person(
        bought=_past(ask.bought, places=places) if "bought" in histories else (),
        viewed=_past(ask.viewed, places=places) if "viewed" in histories else (),
        favourite_category=ask.favourite_category,
        places=ask.places,
    )


def _past(history: History, *, places: Mapping[int, int]) -> Past:
    newest_first = sorted(history, key=itemgetter(1))
    return [(place, age) for product, age in newest_first if (place := places[product]) >= 0]


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
    """Group the chosen products by what speaks loudest for them, where that would be said."""
    claims: dict[_Cause, list[int]] = {}
    for tier, step in request.steps:
        own = {position: choice for position, choice in chosen.items() if choice.tier == tier}
        if not own or not step.strategy.because:
            continue
        columns = [choice.column for choice in own.values()]
        causes = request.sources[tier].causes(columns)
        for position, cause in zip(own, causes, strict=True):
            if cause >= 0:
                claims.setdefault((step.strategy.history, cause), []).append(position)
    return claims
