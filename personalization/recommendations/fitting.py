"""Fit a model to what was bought and viewed, where, and to what products are alike by nature."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from personalization.recommendations import neighbours, vmis
from personalization.recommendations.model import ALWAYS, NO_CATEGORY, Model, Places, assemble
from personalization.recommendations.neighbours import (
    BoolArray,
    FloatArray,
    Int32Array,
    IntArray,
    Lines,
    Neighbours,
)

POPULAR_DAYS = 28
# A newcomer is measured by the days it was there, at least by these.
LEAST_DAYS = 7
TREND_DAYS = 7
TREND_LEAST = 3
# A place speaks for itself only with so many buyers: fewer would point at persons.
PLACE_BUYERS = 20
PLACE_DAYS = 90
PLACE_PRODUCTS = 200
# Products alike by nature stand in where nothing was bought or viewed together yet.
ALIKE_COUNT = 20
SAME_CATEGORY, SAME_BRAND = 0.02, 0.04


@dataclass(frozen=True, slots=True)
class Goods:
    """The catalogue at training time, ordered by key; ages in days, ALWAYS if not told."""

    product_ids: IntArray
    categories: Int32Array
    category_names: tuple[str, ...]
    brands: Int32Array
    is_sensitive: BoolArray
    ages: FloatArray


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen on validation weeks; see docs/recommendations.md."""

    half_life_days: float = 30.0
    neighbour_count: int = 50
    min_count: int = 5


@dataclass(frozen=True, slots=True)
class Visits:
    """Views as columns: visit, item, age in seconds, person."""

    visits: IntArray
    items: IntArray
    seconds: IntArray
    people: IntArray

    @property
    def lines(self) -> Lines:
        return Lines(self.visits, self.items, self.seconds // 86_400)


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened; `people` goes with `bought`, `homes` says where people live."""

    bought: Lines
    people: IntArray
    viewed: Visits
    homes: Mapping[str, IntArray] = field(default_factory=dict)


def nothing() -> Story:
    none = np.zeros(0, dtype=np.int64)
    return Story(Lines(none, none, none), none, Visits(none, none, none, none))


def fit(goods: Goods, story: Story, *, tuning: Tuning | None = None) -> Model:
    """Fit everything that serving needs; a story of nothing gives a model that serves, too."""
    tuning, count = tuning or Tuning(), len(goods.product_ids)
    ages = first_days(goods, bought=story.bought)
    counted = neighbours.popularity(story.bought, item_count=count, window_days=POPULAR_DAYS)
    scale = POPULAR_DAYS / np.clip(ages, LEAST_DAYS, POPULAR_DAYS)
    popularity: FloatArray = (counted * scale).astype(np.float32)
    bought = _lists(story.bought, count=count, tuning=tuning, half_life=tuning.half_life_days)
    alike = _alike(goods, popularity=popularity, width=tuning.neighbour_count)
    viewed = _lists(story.viewed.lines, count=count, tuning=tuning, half_life=POPULAR_DAYS)
    bought = _filled(bought, alike)
    return assemble(
        goods.product_ids,
        neighbours=bought,
        viewed=_filled(viewed, bought),
        together=_lists(story.bought, count=count, tuning=tuning, half_life=np.inf),
        popularity=popularity,
        categories=goods.categories,
        category_names=goods.category_names,
        trends=_trends(story, count=count),
        ages=ages,
        places=_places(story, count=count),
        sessions=vmis.fit(
            story.viewed.visits,
            items=story.viewed.items,
            times=-story.viewed.seconds.astype(np.float64),
            item_count=count,
        ),
    )


def first_days(goods: Goods, *, bought: Lines) -> FloatArray:
    """Days since each product was first for sale.

    What a shop had when it came to us is new only if its first order came long after the rest.
    """
    count = len(goods.product_ids)
    sold = np.zeros(count, dtype=np.float32)
    np.maximum.at(sold, bought.items, bought.days.astype(np.float32))
    has_sold = np.bincount(bought.items, minlength=count) > 0
    told = goods.ages
    is_opening = told >= (told.max(initial=0) - 1)
    knows_past = sold.max(initial=0) >= 2 * POPULAR_DAYS
    opening = np.where(has_sold & knows_past, np.maximum(sold, 1), ALWAYS)
    return np.where(is_opening, opening, np.maximum(told, sold)).astype(np.float32)


def _lists(lines: Lines, *, count: int, tuning: Tuning, half_life: float) -> Neighbours:
    return neighbours.fit(
        lines,
        item_count=count,
        neighbour_count=tuning.neighbour_count,
        half_life_days=half_life,
        min_count=tuning.min_count,
    )


def _filled(lists: Neighbours, others: Neighbours) -> Neighbours:
    """Take another's list where an item has none."""
    lacks = lists.ids[:, 0] < 0 if lists.ids.shape[1] else np.ones(len(lists.ids), dtype=np.bool_)
    return Neighbours(
        ids=np.where(lacks[:, None], others.ids, lists.ids),
        scores=np.where(lacks[:, None], others.scores, lists.scores),
    )


def _alike(goods: Goods, *, popularity: FloatArray, width: int) -> Neighbours:
    """For every product the popular ones of its category, those of its brand before others.

    A sensitive product gets none, so that it can never be the reason for anything.
    """
    count = len(goods.product_ids)
    found = Neighbours(
        ids=np.full((count, width), -1, dtype=np.int32),
        scores=np.zeros((count, width), dtype=np.float32),
    )
    usable = (goods.categories != NO_CATEGORY) & ~goods.is_sensitive
    order = np.lexsort((-popularity, goods.categories))
    order = order[usable[order]]
    bounds = np.flatnonzero(np.diff(goods.categories[order])) + 1
    for members in np.split(order, bounds):
        best = members[: min(ALIKE_COUNT, width) + 1]
        for item in members:
            others = best[best != item][: min(ALIKE_COUNT, width)]
            is_same = (goods.brands[others] == goods.brands[item]) & (goods.brands[item] >= 0)
            scores = np.where(is_same, SAME_BRAND, SAME_CATEGORY)
            ranks = np.argsort(-scores, kind="stable")
            found.ids[item, : len(others)] = others[ranks]
            found.scores[item, : len(others)] = scores[ranks]
    return found


def _trends(story: Story, *, count: int) -> FloatArray:
    """How far this week's baskets and visits lie above those of the four weeks before."""
    days = np.concatenate((story.bought.days, story.viewed.lines.days))
    items = np.concatenate((story.bought.items, story.viewed.items))
    week = np.bincount(items[days < TREND_DAYS], minlength=count)
    is_before = (days >= TREND_DAYS) & (days < TREND_DAYS + 28)
    usual = np.bincount(items[is_before], minlength=count) * (TREND_DAYS / 28)
    above = (week - usual) / np.sqrt(usual + 1)
    return np.where((week >= TREND_LEAST) & (above > 0), above, 0).astype(np.float32)


def _places(story: Story, *, count: int) -> Places:
    """What sells best in each place with enough buyers."""
    recent = story.bought.where(story.bought.days < PLACE_DAYS)
    people = story.people[story.bought.days < PLACE_DAYS]
    numbers: dict[str, int] = {}
    orders: list[Int32Array] = []
    scores: list[FloatArray] = []
    for place, residents in sorted(story.homes.items()):
        is_here = np.isin(people, residents)
        if len(np.unique(people[is_here])) < PLACE_BUYERS:
            continue
        pairs = np.unique(people[is_here] * count + recent.items[is_here])
        counts = np.bincount(pairs % count, minlength=count).astype(np.float32)
        order = np.argsort(-counts, kind="stable")[:PLACE_PRODUCTS].astype(np.int32)
        order = order[counts[order] > 1]
        numbers[place] = len(orders)
        orders.append(order)
        scores.append(counts[order])
    lengths = [len(order) for order in orders]
    return Places(
        numbers=numbers,
        starts=np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int32),
        positions=np.concatenate([np.zeros(0, dtype=np.int32), *orders]).astype(np.int32),
        scores=np.concatenate([np.zeros(0, dtype=np.float32), *scores]).astype(np.float32),
    )
