"""The products as training and as serving see them."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from personalization.models import Product
from personalization.recommendations.constraints import Catalogue, margin
from personalization.recommendations.fitting import Goods
from personalization.recommendations.model import NO_CATEGORY, Model, grown, positions
from personalization.recommendations.neighbours import Int32Array, IntArray


def read(*, now: datetime) -> Goods:
    """Read the catalogue as training sees it."""
    fields = ("pk", "category", "brand", "is_sensitive", "added_at")
    rows = list(Product.objects.order_by("pk").values_list(*fields))
    categories, category_names = _codes([row[1] for row in rows])
    brands, _ = _codes([row[2] for row in rows])
    ages = [_days(row[4], now=now) for row in rows]
    return Goods(
        product_ids=np.array([row[0] for row in rows], dtype=np.int64),
        categories=categories,
        category_names=category_names,
        brands=brands,
        is_sensitive=np.array([row[3] for row in rows], dtype=np.bool_),
        ages=np.array(ages, dtype=np.float32),
    )


def with_newcomers(model: Model, *, trained_at: datetime, now: datetime) -> Model:
    """Add what came into the catalogue after the training; the model's own products age with it."""
    last = int(model.product_ids[-1]) if len(model.product_ids) else -1
    rows = list(
        Product.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "category", "added_at")
    )
    return grown(
        model,
        np.array([pk for pk, _, _ in rows], dtype=np.int64),
        categories=[category for _, category, _ in rows],
        ages=np.array([_days(added_at, now=now) for _, _, added_at in rows], dtype=np.float32),
        days=_days(trained_at, now=now),
    )


def _days(since: datetime, *, now: datetime) -> float:
    return max((now - since).total_seconds() / 86_400, 0.0)


_FIELDS = (
    *("pk", "is_active", "in_stock", "is_sensitive", "is_banned", "price", "category", "brand"),
    *("pin", "attributes__margin", "attributes__cost"),
)


def live(model: Model) -> Catalogue:
    """Read the live state of the model's products; one that is gone counts as inactive."""
    rows = list(Product.objects.order_by().values_list(*_FIELDS))
    places = positions(model, product_ids=[row[0] for row in rows])
    known = places >= 0
    rows = [row for row, is_known in zip(rows, known.tolist(), strict=True) if is_known]
    places, count = places[known], len(model.product_ids)
    flags = np.zeros((4, count), dtype=np.bool_)
    prices, margins = np.full(count, np.nan), np.full(count, np.nan)
    columns = list(zip(*rows, strict=True)) or [()] * len(_FIELDS)
    _, *told, price, category, brand, pin, own_margin, cost = columns
    for flag, column in zip(flags, told, strict=True):
        flag[places] = column
    prices[places] = np.array(price, dtype=np.float64)
    margins[places] = [
        margin(price=float(paid), attributes={"margin": told_margin, "cost": told_cost})
        for paid, told_margin, told_cost in zip(price, own_margin, cost, strict=True)
    ]
    categories, category_names = _spread(category, places=places, count=count)
    brands, brand_names = _spread(brand, places=places, count=count)
    pinned = sorted((pin[row], place) for row, place in enumerate(places.tolist()) if pin[row])
    return Catalogue(
        product_ids=model.product_ids,
        is_active=flags[0],
        is_in_stock=flags[1],
        is_sensitive=flags[2],
        is_banned=flags[3],
        prices=prices,
        margins=margins,
        categories=categories,
        category_names=category_names,
        brands=brands,
        brand_names=brand_names,
        pinned=np.array([place for _, place in pinned], dtype=np.int32),
    )


def _spread(
    names: Sequence[str], *, places: IntArray, count: int
) -> tuple[Int32Array, tuple[str, ...]]:
    """Return the codes of all `count` products, where `names` belong to those at `places`."""
    codes, known = _codes(names)
    spread = np.full(count, NO_CATEGORY, dtype=np.int32)
    spread[places] = codes
    return spread, known


def _codes(names: Sequence[str]) -> tuple[Int32Array, tuple[str, ...]]:
    distinct = sorted({name for name in names if name})
    codes = {name: code for code, name in enumerate(distinct)} | {"": NO_CATEGORY}
    return np.array([codes[name] for name in names], dtype=np.int32), tuple(distinct)
