"""Recommend for one person from the live history; claim a reason only where it is true."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from operator import itemgetter
from typing import NamedTuple

from personalization.recommendations.candidates import (
    Candidates,
    Scores,
    best_first,
    bought_before,
    nothing,
    similar,
)
from personalization.recommendations.constraints import CategoryCap
from personalization.recommendations.model import Model, in_category, positions
from personalization.recommendations.neighbours import (
    BoolArray,
    FloatArray,
    Int32Array,
    IntArray,
)

# (product key, age in days), in any order; a product may come more than once.
History = Sequence[tuple[int, float]]
# Products looked at in the first step of a fallback.
FIRST_STRIDE = 32


class Strategy(StrEnum):
    BECAUSE_YOU_BOUGHT = "because_you_bought"
    BECAUSE_YOU_VIEWED = "because_you_viewed"
    BUY_AGAIN = "buy_again"
    POPULAR = "popular"


class Tier(IntEnum):
    """How far the list had to fall back for an item."""

    PERSONAL = 0
    FAVOURITE_CATEGORY = 1
    SITE = 2


@dataclass(frozen=True, slots=True)
class Recommended:
    """`because_of` is set only if the product would not be in this list without that one."""

    product_id: int
    score: float
    strategy: Strategy
    tier: Tier
    because_of: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What one person is recommended from; `exclude` holds product keys."""

    recent: History
    strategy: Strategy
    exclude: Collection[int]
    favourite_category: str = ""


class _Choice(NamedTuple):
    tier: Tier
    score: float
    column: int = -1


@dataclass(frozen=True, slots=True)
class _Request:
    """What holds in every tier and in every what-if of the same request."""

    model: Model
    candidates: Candidates
    favourites: Int32Array
    allowed: BoolArray
    blocked: frozenset[int]
    per_category: int | None
    limit: int


def recommend(
    model: Model,
    *,
    recent: History,
    strategy: Strategy,
    exclude: Collection[int],
    allowed: BoolArray,
    limit: int,
    favourite_category: str = "",
    per_category: int | None = None,
) -> list[Recommended]:
    """At most `limit` products; empty only if no allowed product is left."""
    ask = Ask(recent, strategy, exclude, favourite_category)
    return recommend_all(model, [ask], allowed=allowed, limit=limit, per_category=per_category)[0]


def recommend_all(
    model: Model,
    asks: Sequence[Ask],
    *,
    allowed: BoolArray,
    limit: int,
    per_category: int | None = None,
) -> list[list[Recommended]]:
    """The same for a batch; all products are looked up in the model at once."""
    wanted = [product for ask in asks for product, _ in ask.recent]
    wanted += [product for ask in asks for product in ask.exclude]
    places = dict(zip(wanted, positions(model, product_ids=wanted).tolist(), strict=True))
    return [
        _recommend(
            _Request(
                model=model,
                candidates=_candidates(model, ask, places=places, allowed=allowed),
                favourites=in_category(model, name=ask.favourite_category),
                allowed=allowed,
                blocked=frozenset(places[product] for product in ask.exclude),
                per_category=per_category,
                limit=limit,
            ),
            strategy=ask.strategy,
        )
        for ask in asks
    ]


def _recommend(request: _Request, *, strategy: Strategy) -> list[Recommended]:
    chosen = _choose(request, scores=request.candidates.scores())
    causes = _true_causes(request, chosen=chosen)
    product_ids = request.model.product_ids
    return [
        Recommended(
            product_id=int(product_ids[position]),
            score=choice.score,
            strategy=strategy if choice.tier is Tier.PERSONAL else Strategy.POPULAR,
            tier=choice.tier,
            because_of=causes.get(position),
        )
        for position, choice in chosen.items()
    ]


def _candidates(
    model: Model, ask: Ask, *, places: Mapping[int, int], allowed: BoolArray
) -> Candidates:
    if ask.strategy is Strategy.POPULAR:
        return nothing()
    newest_first = sorted(ask.recent, key=itemgetter(1))
    known = [(place, age) for product, age in newest_first if (place := places[product]) >= 0]
    history = [place for place, _ in known]
    if ask.strategy is Strategy.BUY_AGAIN:
        return bought_before(history)
    return similar(model, history=history, ages=[age for _, age in known], allowed=allowed)


def _choose(request: _Request, *, scores: Scores) -> dict[int, _Choice]:
    """Walk personal, favourite category, whole shop; every product passes the same checks."""
    cap = CategoryCap(request.per_category)
    blocked, limit = request.blocked, request.limit
    chosen: dict[int, _Choice] = {}
    for tier, places, values, columns in _walk(request, scores=scores):
        categories = request.model.categories[places].tolist()
        for index, position in enumerate(places.tolist()):
            if len(chosen) >= limit:
                return chosen
            if position in blocked or position in chosen or not cap.admits(categories[index]):
                continue
            column = -1 if columns is None else int(columns[index])
            chosen[position] = _Choice(tier, float(values[index]), column)
    return chosen


_Part = tuple[Tier, IntArray | Int32Array, Scores | FloatArray, IntArray | None]


def _walk(request: _Request, *, scores: Scores) -> Iterator[_Part]:
    """Allowed products, best first; lazily, because of a hundred thousand a person needs four."""
    candidates, model, allowed = request.candidates, request.model, request.allowed
    for best in best_first(scores):
        places = candidates.positions[best]
        is_allowed = allowed[places]
        columns = best[is_allowed]
        yield Tier.PERSONAL, places[is_allowed], scores[columns], columns
    fallbacks = ((Tier.FAVOURITE_CATEGORY, request.favourites), (Tier.SITE, model.popular))
    for tier, order in fallbacks:
        for part in _strides(order):
            open_part = part[allowed[part]]
            yield tier, open_part, model.popularity[open_part], None


def _strides(order: Int32Array) -> Iterator[Int32Array]:
    """Cut into parts, each as long as all before it: mostly the first few are enough."""
    start, end = 0, FIRST_STRIDE
    while start < len(order):
        yield order[start:end]
        start, end = end, 2 * end


def _true_causes(request: _Request, *, chosen: Mapping[int, _Choice]) -> dict[int, int]:
    """Decide again without each claimed cause: what is still in the list was not caused by it."""
    personal = {
        position: choice.column
        for position, choice in chosen.items()
        if choice.tier is Tier.PERSONAL
    }
    if not personal:
        return {}
    claims: dict[int, list[int]] = {}
    for position, cause in zip(
        personal, request.candidates.causes(list(personal.values())), strict=True
    ):
        claims.setdefault(cause, []).append(position)
    causes: dict[int, int] = {}
    for cause, claimed in claims.items():
        without = _choose(request, scores=request.candidates.scores(without=cause))
        product = int(request.model.product_ids[cause])
        causes.update((position, product) for position in claimed if position not in without)
    return causes
