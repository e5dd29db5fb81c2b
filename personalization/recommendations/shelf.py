"""The live model and stock of this process: mapped once a version, stock re-read each minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from django.conf import settings

from personalization.models import Product, RecommendationModel
from personalization.recommendations import storage
from personalization.recommendations.constraints import Catalogue
from personalization.recommendations.model import NO_CATEGORY, Model, positions

STOCK_MAX_AGE = timedelta(seconds=60)
# Processes that still serve the version before open it a moment longer.
KEPT_VERSIONS = 3


@dataclass(frozen=True, slots=True)
class Shelf:
    """What can be recommended now, and by which model."""

    number: int
    model: Model
    catalogue: Catalogue
    read_at: datetime


class _Current:
    """The shelf this process serves from."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.shelf: Shelf | None = None


_current = _Current()


def live(*, now: datetime) -> Shelf | None:
    """Return the shelf, or None before the first training; one query, two once a minute."""
    version = (
        RecommendationModel.objects.filter(is_live=True).values_list("number", "trained_at").first()
    )
    if version is None:
        return None
    number, trained_at = version
    with _current.lock:
        shelf = _current.shelf
        model = _mapped(number, trained_at)
        if shelf is None or shelf.model is not model or _is_stale(shelf, now=now):
            shelf = Shelf(number, model, catalogue(model), now)
            _current.shelf = shelf
        return shelf


def forget() -> None:
    """Read model and stock afresh at the next call: after an import, and in tests."""
    with _current.lock:
        _current.shelf = None
        _mapped.cache_clear()


def catalogue(model: Model) -> Catalogue:
    """Read the live state of the model's products; one that is gone counts as inactive."""
    count = len(model.product_ids)
    names: dict[str, int] = {}
    found = Catalogue(
        product_ids=model.product_ids,
        is_active=np.zeros(count, dtype=np.bool_),
        is_in_stock=np.zeros(count, dtype=np.bool_),
        is_sensitive=np.zeros(count, dtype=np.bool_),
        prices=np.full(count, np.nan),
        categories=np.full(count, NO_CATEGORY, dtype=np.int32),
        category_names=(),
    )
    fields = ("pk", "is_active", "in_stock", "price", "category", "is_sensitive")
    rows = list(Product.objects.order_by().values_list(*fields))
    places = positions(model, product_ids=[row[0] for row in rows]).tolist()
    for place, row in zip(places, rows, strict=True):
        if place < 0:
            continue
        _, is_active, in_stock, price, category, is_sensitive = row
        found.is_active[place] = is_active
        found.is_in_stock[place] = in_stock
        found.is_sensitive[place] = is_sensitive
        found.prices[place] = price
        if category:
            found.categories[place] = names.setdefault(category, len(names))
    return Catalogue(
        product_ids=found.product_ids,
        is_active=found.is_active,
        is_in_stock=found.is_in_stock,
        is_sensitive=found.is_sensitive,
        prices=found.prices,
        categories=found.categories,
        category_names=tuple(names),
    )


def _is_stale(shelf: Shelf, *, now: datetime) -> bool:
    return abs(now - shelf.read_at) >= STOCK_MAX_AGE


@lru_cache(maxsize=2)
def _mapped(number: int, trained_at: datetime) -> Model:
    folder = Path(settings.ATTUNE_VAR) / "models" / f"{number}-{trained_at:%Y%m%dT%H%M%S%f}"
    if not folder.exists():
        payload = RecommendationModel.objects.values_list("payload", flat=True).get(number=number)
        storage.unpack(bytes(payload), folder=folder)
        storage.keep_newest(folder.parent, count=KEPT_VERSIONS)
    return storage.open_folder(folder)
