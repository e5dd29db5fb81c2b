"""Recommend for one person from the live history; claim a reason only where it is true."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np

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
from personalization.recommendations.neighbours import BoolArray, Int32Array

# (product key, age in days), in any order; a product may come more than once.
History = Sequence[tuple[int, float]]
# Products looked at in one step of a fallback.
STRIDE = 512


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
class _Choice:
    position: int
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
    request = _Request(
        model=model,
        candidates=_candidates(model, recent=recent, strategy=strategy, allowed=allowed),
        favourites=in_category(model, name=favourite_category),
        allowed=allowed,
        blocked=frozenset(positions(model, product_ids=list(exclude)).tolist()),
        per_category=per_category,
        limit=limit,
    )
    scores = request.candidates.scores()
    chosen = _choose(request, scores=scores)
    causes = _true_causes(request, chosen=chosen)
    return [
        Recommended(
            product_id=int(model.product_ids[choice.position]),
            score=choice.score,
            strategy=strategy if choice.tier is Tier.PERSONAL else Strategy.POPULAR,
            tier=choice.tier,
            because_of=causes.get(choice.position),
        )
        for choice in chosen.values()
    ]


def _candidates(
    model: Model, *, recent: History, strategy: Strategy, allowed: BoolArray
) -> Candidates:
    if strategy is Strategy.POPULAR:
        return nothing()
    newest_first = sorted(recent, key=lambda entry: entry[1])
    history = positions(model, product_ids=[product for product, _ in newest_first])
    known = history >= 0
    if strategy is Strategy.BUY_AGAIN:
        return bought_before(history[known])
    ages = np.array([age for _, age in newest_first], dtype=np.float64)
    return similar(model, history=history[known], ages=ages[known], allowed=allowed)


def _choose(request: _Request, *, scores: Scores) -> dict[int, _Choice]:
    """Walk personal, favourite category, whole shop; every product passes the same checks."""
    cap = CategoryCap(request.per_category)
    categories = request.model.categories
    chosen: dict[int, _Choice] = {}
    for choice in _walk(request, scores=scores):
        if len(chosen) >= request.limit:
            break
        is_open = choice.position not in request.blocked and choice.position not in chosen
        if is_open and cap.admits(int(categories[choice.position])):
            chosen[choice.position] = choice
    return chosen


def _walk(request: _Request, *, scores: Scores) -> Iterator[_Choice]:
    """Allowed products, best first; lazily, because of a hundred thousand a person needs four."""
    candidates, model = request.candidates, request.model
    for columns in best_first(scores):
        is_allowed = request.allowed[candidates.positions[columns]]
        for column in columns[is_allowed].tolist():
            position = int(candidates.positions[column])
            yield _Choice(position, Tier.PERSONAL, float(scores[column]), column)
    fallbacks = ((Tier.FAVOURITE_CATEGORY, request.favourites), (Tier.SITE, model.popular))
    for tier, order in fallbacks:
        for start in range(0, len(order), STRIDE):
            part = order[start : start + STRIDE]
            for position in part[request.allowed[part]].tolist():
                yield _Choice(position, tier, float(model.popularity[position]))


def _true_causes(request: _Request, *, chosen: dict[int, _Choice]) -> dict[int, int]:
    """Decide again without each claimed cause: what is still in the list was not caused by it."""
    personal = [choice for choice in chosen.values() if choice.tier is Tier.PERSONAL]
    if not personal:
        return {}
    columns = np.array([choice.column for choice in personal], dtype=np.int64)
    claims: dict[int, list[int]] = {}
    for choice, cause in zip(personal, request.candidates.causes(columns).tolist(), strict=True):
        claims.setdefault(cause, []).append(choice.position)
    causes: dict[int, int] = {}
    for cause, claimed in claims.items():
        without = _choose(request, scores=request.candidates.scores(without=cause))
        product = int(request.model.product_ids[cause])
        causes.update((position, product) for position in claimed if position not in without)
    return causes
