"""Strategies that show the same to many: popular, trending, new, pinned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from personalization.recommendations.candidates import NOTHING, Source
from personalization.recommendations.model import Model, Places, in_category
from personalization.recommendations.neighbours import FloatArray, Int32Array
from personalization.recommendations.options import Option
from personalization.recommendations.strategies.base import (
    Ground,
    History,
    OneByOne,
    Person,
    Ranking,
    SameForAll,
)

PLACE_KINDS = ("city", "region", "country")
NEW_WITHIN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Trending(SameForAll):
    """Sold clearly more often this week than in the four before."""

    name: str = "trending"
    label: str = "Trending now"
    because: str = ""
    general: str = "Trending now"
    history: History = ""
    is_personal: bool = False
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return ground.listed("trending", lambda: _falling(ground.model.trends))


@dataclass(frozen=True, slots=True)
class PopularHere(OneByOne):
    """Popular where the person lives, in the narrowest place with enough buyers."""

    name: str = "popular_here"
    label: str = "Popular where they live"
    because: str = ""
    general: str = "Popular in your {detail}"
    history: History = ""
    is_personal: bool = True
    options: tuple[Option, ...] = (
        Option("place", "Place", "choice", choices=PLACE_KINDS, help="Else the narrowest known."),
    )

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        wanted, places = options.get("place"), ground.model.places
        for place in person.places:
            kind = place.partition(":")[0]
            if place in places.numbers and wanted in (None, kind):
                return ground.listed(place, partial(_of_place, places, place), detail=kind)
        return NOTHING


@dataclass(frozen=True, slots=True)
class PopularInCategory(OneByOne):
    """Popular in the person's favourite category."""

    name: str = "popular_in_category"
    label: str = "Popular in their favourite category"
    because: str = ""
    general: str = "Popular in {category}"
    history: History = ""
    is_personal: bool = True
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        name, model = person.favourite_category, ground.model
        if not name:
            return NOTHING
        return ground.listed(
            f"category {name}", lambda: _sold(model, in_category(model, name=name))
        )


@dataclass(frozen=True, slots=True)
class Popular(SameForAll):
    """Bought by most people in the last 28 days."""

    name: str = "popular"
    label: str = "Popular products"
    because: str = ""
    general: str = "Popular with our customers"
    history: History = ""
    is_personal: bool = False
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return ground.listed("popular", lambda: _sold(ground.model, ground.model.popular))


@dataclass(frozen=True, slots=True)
class New(SameForAll):
    """First for sale within the last days, the newest first."""

    name: str = "new"
    label: str = "New products"
    because: str = ""
    general: str = "New in our shop"
    history: History = ""
    is_personal: bool = False
    options: tuple[Option, ...] = (
        Option("within_days", "New for days", "whole", 1, 365, help="30 if not set."),
    )

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        days = options.get("within_days", NEW_WITHIN_DAYS)
        limit = days if isinstance(days, int) else NEW_WITHIN_DAYS
        return ground.listed(f"new {limit}", lambda: _newest(ground.model.ages, within=limit))


@dataclass(frozen=True, slots=True)
class Pinned(SameForAll):
    """Chosen by hand, in the order given."""

    name: str = "pinned"
    label: str = "Pinned by hand"
    because: str = ""
    general: str = "Chosen by our team"
    history: History = ""
    is_personal: bool = False
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        pinned = ground.catalogue.pinned
        return ground.listed("pinned", lambda: (pinned, np.ones(len(pinned), dtype=np.float32)))


@dataclass(frozen=True, slots=True)
class Range(SameForAll):
    """Everything there is, the newest first: so that no place stays empty."""

    name: str = "range"
    label: str = "Anything we have"
    because: str = ""
    general: str = "From our range"
    history: History = ""
    is_personal: bool = False
    options: tuple[Option, ...] = ()

    def source(self, ground: Ground, person: Person, options: Mapping[str, object]) -> Source:
        return ground.listed("range", lambda: _everything(len(ground.allowed)))


def _falling(scores: FloatArray) -> Ranking:
    """Positions with a positive score, by falling score."""
    places = (scores > 0).nonzero()[0].astype(np.int32)
    order = places[np.argsort(-scores[places], kind="stable")]
    return order, scores[order]


def _of_place(places: Places, name: str) -> Ranking:
    number = places.numbers[name]
    start, end = places.starts[number], places.starts[number + 1]
    return places.positions[start:end], places.scores[start:end]


def _sold(model: Model, order: Int32Array) -> Ranking:
    values = model.popularity[order]
    is_sold = values > 0
    return order[is_sold], values[is_sold]


def _newest(ages: FloatArray, *, within: int) -> Ranking:
    places = (ages <= within).nonzero()[0].astype(np.int32)
    order = places[np.lexsort((-places, ages[places]))]
    return order, within - ages[order]


def _everything(count: int) -> Ranking:
    return np.arange(count - 1, -1, -1, dtype=np.int32), np.zeros(count, dtype=np.float32)
