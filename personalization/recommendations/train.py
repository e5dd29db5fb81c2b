"""Fit a model to the shop's orders, measure it on held-out weeks, put it live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max

from consent.jobs import Progress
from personalization.models import Product, RecommendationModel
from personalization.recommendations import evaluate, neighbours, purchases, storage
from personalization.recommendations.model import NO_CATEGORY, Model, assemble
from personalization.recommendations.neighbours import BoolArray, Int32Array, IntArray, Lines
from personalization.recommendations.purchases import Purchases

HELD_OUT_DAYS = 14
# Enough to see whether a model is broken; the full evaluation is a command of its own.
EVALUATED_PEOPLE = 400
SEED = 20


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The catalogue at training time, ordered by key."""

    product_ids: IntArray
    categories: Int32Array
    category_names: tuple[str, ...]
    is_sensitive: BoolArray


def train(*, now: datetime, progress: Progress | None = None) -> RecommendationModel:
    """Train from the last year's orders and publish; serving picks the new model up by itself."""
    shelf, bought = _read_shelf(), purchases.read(now=now)
    _step(progress)
    lines, people = _lines(bought, shelf=shelf)
    metrics = _metrics(lines, people=people, shelf=shelf)
    _step(progress)
    model = _fit(lines, shelf=shelf)
    _step(progress)
    linked = int((model.neighbours.ids[:, 0] >= 0).sum())
    stored = _publish(
        storage.arrays_to_bytes(model),
        metrics={**metrics, "products_with_neighbours": linked},
        now=now,
    )
    _step(progress)
    return stored


STEPS = 4


def _step(progress: Progress | None) -> None:
    if progress:
        progress.advance(1)


def _read_shelf() -> _Shelf:
    fields = ("pk", "category", "is_sensitive")
    rows = list(Product.objects.order_by("pk").values_list(*fields))
    names = sorted({category for _, category, _ in rows if category})
    codes = {name: code for code, name in enumerate(names)} | {"": NO_CATEGORY}
    return _Shelf(
        product_ids=np.array([pk for pk, _, _ in rows], dtype=np.int64),
        categories=np.array([codes[category] for _, category, _ in rows], dtype=np.int32),
        category_names=tuple(names),
        is_sensitive=np.array([sensitive for _, _, sensitive in rows], dtype=np.bool_),
    )


def _lines(bought: Purchases, *, shelf: _Shelf) -> tuple[Lines, IntArray]:
    """Turn product keys into positions; lines of products that are gone are left out.

    So are sensitive ones: without neighbours they can never be the reason for anything.
    """
    known = np.isin(bought.products, shelf.product_ids[~shelf.is_sensitive])
    items = np.searchsorted(shelf.product_ids, bought.products[known])
    return Lines(bought.orders[known], items, bought.days[known]), bought.people[known]


def _fit(lines: Lines, *, shelf: _Shelf) -> Model:
    count = len(shelf.product_ids)
    return assemble(
        shelf.product_ids,
        neighbours=neighbours.fit(lines, item_count=count),
        popularity=neighbours.popularity(lines, item_count=count),
        categories=shelf.categories,
        category_names=shelf.category_names,
    )


def _metrics(lines: Lines, *, people: IntArray, shelf: _Shelf) -> dict[str, Any]:
    """Fit without the last days, then ask: is one of the new purchases among the first 20?"""
    named = Lines(lines.baskets, shelf.product_ids[lines.items], lines.days)
    cases = evaluate.cases(
        named, people=people, held_out_days=HELD_OUT_DAYS, most=EVALUATED_PEOPLE, seed=SEED
    )
    earlier = lines.where(lines.days >= HELD_OUT_DAYS)
    earlier = Lines(earlier.baskets, earlier.items, earlier.days - HELD_OUT_DAYS)
    found = evaluate.hit_rate(_fit(earlier, shelf=shelf), cases=cases)
    return {
        "lines": len(lines.items),
        "people": len(np.unique(people)),
        "products": len(shelf.product_ids),
        "held_out_days": HELD_OUT_DAYS,
        "cases": found.case_count,
        "hit_rate_20": round(found.model, 4) if found.case_count else None,
        "popularity_hit_rate_20": round(found.popularity, 4) if found.case_count else None,
    }


@transaction.atomic
def _publish(payload: bytes, *, metrics: dict[str, Any], now: datetime) -> RecommendationModel:
    everything = RecommendationModel.objects.select_for_update().defer("payload")
    everything.filter(is_live=True).update(is_live=False)
    highest = RecommendationModel.objects.aggregate(highest=Max("number"))["highest"] or 0
    return RecommendationModel.objects.create(
        number=highest + 1, trained_at=now, is_live=True, metrics=metrics, payload=payload
    )
