"""Would the model have named what people bought next, and newly? Beside plain popularity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import IntArray, Lines
from personalization.recommendations.serve import History, Strategy, recommend


@dataclass(frozen=True, slots=True)
class Case:
    """One person at the cut: what was bought before it, and what was newly bought after it."""

    history: History
    bought_later: frozenset[int]


@dataclass(frozen=True, slots=True)
class HitRate:
    """Share of cases with at least one later purchase among the first `size` recommendations."""

    case_count: int
    size: int
    model: float
    popularity: float
    personal_share: float


def cases(
    lines: Lines, *, people: IntArray, held_out_days: int, most: int, seed: int
) -> list[Case]:
    """People with purchases on both sides of the cut; a fixed sample of at most `most`."""
    before = lines.days >= held_out_days
    both = np.intersect1d(people[before], people[~before])
    rng = np.random.default_rng(seed)
    sample = rng.choice(both, size=min(most, len(both)), replace=False)
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], sample, side="left")
    ends = np.searchsorted(people[order], sample, side="right")
    spans = [order[start:end] for start, end in zip(starts, ends, strict=True)]
    found = [_case(lines, rows=rows, held_out_days=held_out_days) for rows in spans]
    return [case for case in found if case.bought_later]


def hit_rate(model: Model, *, cases: Sequence[Case], size: int = 20) -> HitRate:
    """Only products new to the person count: that is what a recommendation block is for."""
    allowed = np.ones(len(model.product_ids), dtype=np.bool_)
    hits = {Strategy.BECAUSE_YOU_BOUGHT: 0, Strategy.POPULAR: 0}
    places = personal = 0
    for case in cases:
        known = {product for product, _ in case.history}
        for strategy in hits:
            found = recommend(
                model,
                recent=case.history,
                strategy=strategy,
                exclude=known,
                allowed=allowed,
                limit=size,
            )
            hits[strategy] += any(item.product_id in case.bought_later for item in found)
            places += len(found) if strategy is not Strategy.POPULAR else 0
            personal += sum(item.strategy is not Strategy.POPULAR for item in found)
    return HitRate(
        case_count=len(cases),
        size=size,
        model=hits[Strategy.BECAUSE_YOU_BOUGHT] / max(len(cases), 1),
        popularity=hits[Strategy.POPULAR] / max(len(cases), 1),
        personal_share=personal / max(places, 1),
    )


def _case(lines: Lines, *, rows: IntArray, held_out_days: int) -> Case:
    items, days = lines.items[rows].tolist(), lines.days[rows].tolist()
    pairs = list(zip(items, days, strict=True))
    history = [(item, day) for item, day in pairs if day >= held_out_days]
    known = {item for item, _ in history}
    later = frozenset(item for item, day in pairs if day < held_out_days) - known
    return Case(history=history, bought_later=later)
