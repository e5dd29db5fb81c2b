"""The live model and stock of this process: mapped once a version, stock re-read each minute."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock

from django.conf import settings

from personalization.models import RecommendationChain, RecommendationModel
from personalization.recommendations import catalogue, fitting, storage
from personalization.recommendations.constraints import Catalogue
from personalization.recommendations.model import Model
from personalization.recommendations.recipe import Chain

logger = logging.getLogger(__name__)

STOCK_MAX_AGE = timedelta(seconds=60)
# Processes that still serve the version before open it a moment longer.
KEPT_VERSIONS = 3


@dataclass(frozen=True, slots=True)
class Shelf:
    """What can be recommended now, and by which model; None before the first training.

    `model` knows what came since the training, too; `trained` is it as it was trained.
    """

    number: int | None
    model: Model
    catalogue: Catalogue
    read_at: datetime
    chains: Mapping[str, Chain] = field(default_factory=dict)
    trained: Model | None = None
    trained_at: datetime | None = None


def ages(shelf: Shelf, *, now: datetime) -> dict[str, int]:
    """Return how old stock and model are, in seconds, for receipts."""
    found = {"stock": int((now - shelf.read_at).total_seconds())}
    if shelf.trained_at is not None:
        found["model"] = int((now - shelf.trained_at).total_seconds())
    return found


class _Current:
    """The shelf this process serves from."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.shelf: Shelf | None = None


_current = _Current()


def live(*, now: datetime) -> Shelf:
    """Return the shelf; one query, four once a minute.

    Before the first training it holds the catalogue alone: nothing personal, but no empty place.
    """
    version = (
        RecommendationModel.objects.filter(is_live=True).values_list("number", "trained_at").first()
    )
    with _current.lock:
        shelf, trained = _current.shelf, _trained(version)
        if shelf is None or shelf.trained is not trained or _is_stale(shelf, now=now):
            shelf = _current.shelf = _filled(version, trained, now=now)
        return shelf


def forget() -> None:
    """Read model and stock afresh at the next call: after an import, and in tests."""
    with _current.lock:
        _current.shelf = None
        _mapped.cache_clear()


def chains() -> dict[str, Chain]:
    """Read the chains that are live."""
    rows = RecommendationChain.objects.exclude(live=None).values_list(
        "slug", "live__number", "live__content"
    )
    return {slug: Chain(slug, number, content) for slug, number, content in rows}


def _is_stale(shelf: Shelf, *, now: datetime) -> bool:
    return abs(now - shelf.read_at) >= STOCK_MAX_AGE


def _filled(version: tuple[int, datetime] | None, trained: Model | None, *, now: datetime) -> Shelf:
    if version is None or trained is None:
        model = fitting.fit(catalogue.read(now=now), fitting.nothing())
        return Shelf(None, model, catalogue.live(model), now, chains())
    model = catalogue.with_newcomers(trained, trained_at=version[1], now=now)
    return Shelf(version[0], model, catalogue.live(model), now, chains(), trained, version[1])


def _trained(version: tuple[int, datetime] | None) -> Model | None:
    if version is None:
        return None
    try:
        return _mapped(*version)
    except storage.OlderModel:
        logger.warning("recommendation model of an earlier version", extra={"model": version[0]})
        return None


@lru_cache(maxsize=2)
def _mapped(number: int, trained_at: datetime) -> Model:
    folder = Path(settings.ATTUNE_MODELS) / f"{number}-{trained_at:%Y%m%dT%H%M%S%f}"
    if not folder.exists():
        payload = RecommendationModel.objects.values_list("payload", flat=True).get(number=number)
        storage.unpack(bytes(payload), folder=folder)
        storage.keep_newest(folder.parent, count=KEPT_VERSIONS)
    return storage.open_folder(folder)
