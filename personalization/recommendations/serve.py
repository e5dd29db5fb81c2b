"""Recommend from the live history, a batch at once; claim a reason only where it is true."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from personalization.recommendations import past
from personalization.recommendations.candidates import Source
from personalization.recommendations.constraints import (
    Cap,
    Catalogue,
    Taken,
    allowed,
)
from personalization.recommendations.model import Model, positions
from personalization.recommendations.past import Past
from personalization.recommendations.recipe import Recipe, Step
from personalization.recommendations.strategies.base import NOBODY, Ground, Person
from personalization.recommendations.strategies.base import History as Kind

# (product key, age in days), in any order; a product may come more than once.
History = Sequence[tuple[int, float]]


class Recommended(NamedTuple):
    """`because_of` is set only if the product would not be in this list without that one.

    `tier` is the number of the step of the recipe that found it: 0 is the first choice.
    """

    product_id: int
    score: float
    strategy: str
    tier: int
    because_of: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Ask:
    """What one person is recommended from; `exclude` holds product keys.

    One is made for every list, and to freeze it takes longer than to make it.
    """

    recipe: Recipe
    bought: History = ()
    viewed: History = ()
    cart: History = ()
    exclude: Collection[int] = ()
    favourite_category: str = ""
    places: tuple[str, ...] = ()
    # Without the consent to profiling only strategies that are the same for all are asked.
    may_profile: bool = True


# An item of a history: whose history, and the position.
_Cause = tuple[Kind, int]
_Steps = tuple[Step, ...]
# The number of the step that found a product, and its score.
_Choice = tuple[int, float]


@dataclass(frozen=True, slots=True)
class _Kitchen:
    """What all people of one recipe share who allowed profiling, or all who did not."""

    ground: Ground
    # By the number of the step in the recipe.
    steps: Mapping[int, Step]
    caps: tuple[Cap, ...]
    limit: int
    # A byte a product: quicker to look one up in than in an array.
    is_open: bytes


class _Shelf:
    """One list that is being filled; every product passes the same checks, whoever names it.

    A what-if has an `origin`: the same list of somebody who lacks the item `without`.
    """

    __slots__ = ("blocked", "chosen", "kitchen", "origin", "person", "sources", "taken", "without")

    def __init__(self, kitchen: _Kitchen, person: Person, *, blocked: frozenset[int]) -> None:
        self.kitchen = kitchen
        self.person = person
        self.blocked = blocked
        self.origin: _Shelf | None = None
        self.without: _Cause = ("", -1)
        self.sources: dict[int, Source] = {}
        self.chosen: dict[int, _Choice] = {}
        self.taken = Taken(kitchen.caps)

    def fill(self, tier: int, source: Source) -> bool:
        """Take what fits, best first; return whether there is room for more."""
        is_open, blocked, chosen = self.kitchen.is_open, self.blocked, self.chosen
        admits, limit = self.taken.admits, self.kitchen.limit
        self.sources[tier] = source
        for part in source.best_first():
            for position, score in zip(*part, strict=True):
                if position in blocked or position in chosen or not is_open[position]:
                    continue
                if admits(position):
                    chosen[position] = (tier, score)
                    if len(chosen) >= limit:
                        return False
        return True

    def what_if(self, cause: _Cause) -> "_Shelf":
        """Return an empty list of somebody without that item; what is blocked stays so."""
        other = _Shelf(self.kitchen, self.person, blocked=self.blocked)
        other.origin, other.without = self, cause
        return other

    def seen(self) -> Person:
        """Return whom strategies see."""
        history, position = self.without
        return self.person.without(history, position=position) if history else self.person


def recommend(model: Model, catalogue: Catalogue, ask: Ask, *, limit: int) -> list[Recommended]:
    """At most `limit` products; empty only if no allowed product is left."""
    return recommend_all(model, catalogue, [ask], limit=limit)[0]


def recommend_all(
    model: Model, catalogue: Catalogue, asks: Sequence[Ask], *, limit: int
) -> list[list[Recommended]]:
    """The same for a batch: strategies are asked for all people at once, step by step."""
    shelves = _shelves(model, catalogue, asks, limit=limit)
    _fill(shelves)
    causes = _true_causes(shelves)
    product_ids = np.ascontiguousarray(model.product_ids).data
    return [
        _recommended(shelf, causes=found, product_ids=product_ids)
        for shelf, found in zip(shelves, causes, strict=True)
    ]


def _recommended(
    shelf: _Shelf, *, causes: Mapping[int, int], product_ids: "memoryview[int]"
) -> list[Recommended]:
    steps, sources = shelf.kitchen.steps, shelf.sources
    found = []
    for position, (tier, score) in shelf.chosen.items():
        cause = causes.get(position)
        found.append(
            Recommended(
                product_ids[position],
                score,
                steps[tier].strategy.name,
                tier,
                None if cause is None else product_ids[cause],
                sources[tier].detail,
            )
        )
    return found


def _fill(shelves: Iterable[_Shelf]) -> None:
    """Walk the steps; each is asked once for all whose lists have room."""
    kitchens: dict[int, list[_Shelf]] = {}
    for shelf in shelves:
        kitchens.setdefault(id(shelf.kitchen), []).append(shelf)
    for together in kitchens.values():
        _fill_together(together, kitchen=together[0].kitchen)


def _fill_together(shelves: Sequence[_Shelf], *, kitchen: _Kitchen) -> None:
    waiting = shelves if kitchen.limit > 0 else ()
    for tier, step in kitchen.steps.items():
        if not waiting:
            return
        sources = _sources(waiting, tier=tier, step=step)
        pairs = zip(waiting, sources, strict=True)
        waiting = [shelf for shelf, source in pairs if shelf.fill(tier, source)]


def _sources(shelves: Sequence[_Shelf], *, tier: int, step: Step) -> Sequence[Source]:
    """Ask a strategy; of what-ifs only what the item that is left out changes."""
    strategy, found = step.strategy, dict[int, Source]()
    asked: list[int] = []
    fewer: list[tuple[int, tuple[Source, int]]] = []
    for number, shelf in enumerate(shelves):
        known = shelf.origin.sources.get(tier) if shelf.origin else None
        history, position = shelf.without
        if known is None:
            asked.append(number)
        elif shelf.person.looks_at(strategy.history) != history:
            found[number] = known
        # Without its only item a cart is none, and other histories are looked at.
        elif strategy.because and history != "cart":
            fewer.append((number, (known, position)))
        else:
            asked.append(number)
    if asked:
        ground, people = shelves[0].kitchen.ground, [shelves[number].seen() for number in asked]
        found.update(zip(asked, strategy.sources(ground, people, step.options), strict=True))
    if fewer:
        others = strategy.without([pair for _, pair in fewer])
        found.update(zip([number for number, _ in fewer], others, strict=True))
    return [found[number] for number in range(len(shelves))]


def _true_causes(shelves: Sequence[_Shelf]) -> list[dict[int, int]]:
    """Decide again without each claimed cause: what is still in the list was not caused by it."""
    claims = [
        (number, cause, claimed)
        for number, found in enumerate(_claims(shelves))
        for cause, claimed in found.items()
    ]
    others = [shelves[number].what_if(cause) for number, cause, _ in claims]
    _fill(others)
    causes: list[dict[int, int]] = [{} for _ in shelves]
    for (number, (_, item), claimed), other in zip(claims, others, strict=True):
        causes[number].update(
            (position, item) for position in claimed if position not in other.chosen
        )
    return causes


def _claims(shelves: Sequence[_Shelf]) -> list[dict[_Cause, list[int]]]:
    """Group the chosen products by what speaks loudest for them, where that would be said."""
    steps: dict[int, tuple[Step, list[tuple[int, int, Source]]]] = {}
    for number, shelf in enumerate(shelves):
        for position, (tier, _) in shelf.chosen.items():
            step = shelf.kitchen.steps[tier]
            if step.strategy.because:
                told = steps.setdefault(id(step), (step, []))[1]
                told.append((number, position, shelf.sources[tier]))
    claims: list[dict[_Cause, list[int]]] = [{} for _ in shelves]
    for step, told in steps.values():
        causes = step.strategy.causes([(source, position) for _, position, source in told])
        for (number, position, _), cause in zip(told, causes, strict=True):
            if cause >= 0:
                history = shelves[number].person.looks_at(step.strategy.history)
                claims[number].setdefault((history, cause), []).append(position)
    return claims


def _shelves(
    model: Model, catalogue: Catalogue, asks: Sequence[Ask], *, limit: int
) -> list[_Shelf]:
    """Turn products into positions, all at once and each history once."""
    pasts = _pasts(model, catalogue, asks)
    # By identity: people of one rule share the recipe, and the work it takes to prepare it;
    # the lists of one person share the histories.
    kitchens: dict[tuple[int, bool], _Kitchen] = {}
    blocked: dict[tuple[int, int, int, float], frozenset[int]] = {}
    shelves = []
    for ask in asks:
        key = (id(ask.recipe), ask.may_profile)
        kitchen = kitchens.get(key)
        if kitchen is None:
            kitchen = kitchens[key] = _kitchen(ask, model, catalogue, limit=limit)
        without = (id(ask.bought), id(ask.cart), id(ask.exclude), ask.recipe.exclude_bought_days)
        if without not in blocked:
            blocked[without] = _blocked(ask, model=model, pasts=pasts)
        person = _person(ask, pasts=pasts)
        shelves.append(_Shelf(kitchen, person, blocked=blocked[without]))
    return shelves


def _blocked(ask: Ask, *, model: Model, pasts: Mapping[int, Past]) -> frozenset[int]:
    """What was just bought, lies in the cart or is to be left out, whoever recommends it."""
    fresh = pasts[id(ask.bought)].within(ask.recipe.exclude_bought_days)
    if ask.cart:
        fresh |= frozenset(pasts[id(ask.cart)].positions)
    if ask.exclude:
        fresh |= frozenset(positions(model, product_ids=list(ask.exclude)).tolist())
    return fresh


def _pasts(model: Model, catalogue: Catalogue, asks: Sequence[Ask]) -> dict[int, Past]:
    """Turn each history into positions, all in one look-up.

    What is unknown is left out, and so are sensitive products: they cause nothing.
    """
    told = {id(each): each for ask in asks for each in (ask.bought, ask.viewed, ask.cart)}
    pairs = [pair for history in told.values() for pair in history]
    found = positions(model, product_ids=[product for product, _ in pairs])
    if len(model.product_ids):
        found[catalogue.is_sensitive[found]] = -1
    places, ages = found.tolist(), [age for _, age in pairs]
    pasts, start = {}, 0
    for key, history in told.items():
        end = start + len(history)
        pasts[key] = past.of(places[start:end], ages[start:end])
        start = end
    return pasts


def _kitchen(ask: Ask, model: Model, catalogue: Catalogue, *, limit: int) -> _Kitchen:
    recipe = ask.recipe
    limits = ((catalogue.categories, recipe.per_category), (catalogue.brands, recipe.per_brand))
    mask = allowed(catalogue, constraints=recipe.constraints)
    steps = {
        tier: step
        for tier, step in enumerate(recipe.steps)
        if ask.may_profile or not step.strategy.is_personal
    }
    return _Kitchen(
        ground=Ground(model, catalogue, mask),
        steps=steps,
        caps=tuple(Cap(codes, limit) for codes, limit in limits if limit is not None),
        limit=recipe.limit or limit,
        is_open=mask.tobytes(),
    )


def _person(ask: Ask, *, pasts: Mapping[int, Past]) -> Person:
    """Nothing is known of who did not allow it."""
    if not ask.may_profile:
        return NOBODY
    return Person(
        bought=pasts[id(ask.bought)],
        viewed=pasts[id(ask.viewed)],
        cart=pasts[id(ask.cart)],
        favourite_category=ask.favourite_category,
        places=ask.places,
    )
