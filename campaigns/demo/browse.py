"""Views and cart events, which the data set lacks: generated for two weeks, and labelled so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from campaigns.demo import catalogue
from campaigns.demo.catalogue import SENSITIVE, Shelf
from campaigns.demo.rows import SEED, Row, external_id, iso
from campaigns.demo.source import IntArray, Lines, Products

WINDOW_HOURS = 14 * 24
# Who bought nothing for this long does not browse either.
ACTIVE_DAYS = 60
# Of its category, what a visitor may come across beside the own products.
POPULAR_OF_CATEGORY = 30
OWN_SHARE = 0.45
ADDED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class _Shop:
    goods: Products
    shelf: Shelf
    names: dict[int, str]
    popular: dict[str, IntArray]
    present: np.datetime64


def rows(lines: Lines, *, goods: Products, shelf: Shelf, now: datetime) -> list[Row]:
    """About 15 events for each active household; message ids do not depend on `now`."""
    recent = lines.where(lines.at > lines.at[-1] - np.timedelta64(ACTIVE_DAYS, "D"))
    shop = _Shop(
        goods=goods,
        shelf=shelf,
        names=catalogue.names(goods, shelf=shelf),
        popular=_popular(recent, goods=goods, shelf=shelf),
        present=np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "s"),
    )
    order = np.argsort(recent.household, kind="stable")
    households, starts = np.unique(recent.household[order], return_index=True)
    bought = np.split(recent.product[order], starts[1:])
    found: list[Row] = []
    for household, products in zip(households.tolist(), bought, strict=True):
        own = _browsable(products, goods=goods, shelf=shelf)
        if len(own):
            found += _events(household, own=own, shop=shop)
    return sorted(found, key=lambda row: (row["timestamp"], row["message_id"]))


def _events(household: int, *, own: IntArray, shop: _Shop) -> Iterator[Row]:
    random = np.random.default_rng([SEED, household, 3])
    number = 0
    for _ in range(1 + int(random.poisson(1.2))):
        at = shop.present - np.timedelta64(int(random.integers(3600, WINDOW_HOURS * 3600)), "s")
        for place in _visit(random, own=own, shop=shop):
            at = min(at + int(random.integers(15, 180)), shop.present)
            number += 1
            yield _row(household, number, name="Product Viewed", at=at, place=place, shop=shop)
            if random.random() < ADDED_SHARE:
                at = min(at + int(random.integers(5, 60)), shop.present)
                number += 1
                yield _row(household, number, name="Product Added", at=at, place=place, shop=shop)


def _visit(random: np.random.Generator, *, own: IntArray, shop: _Shop) -> list[int]:
    """A visit circles around one product bought before: others of its own, others of its kind."""
    theme = int(random.choice(own))
    similar = shop.popular[shop.goods.categories[theme]]
    count = 2 + int(random.poisson(3.7))
    is_own = random.random(count) < OWN_SHARE
    picked = np.where(is_own, random.choice(own, count), random.choice(similar, count))
    return [theme, *picked[1:].tolist()]


def _row(
    household: int, number: int, *, name: str, at: np.datetime64, place: int, shop: _Shop
) -> Row:
    who = external_id(household)
    return {
        "message_id": f"browse-{who}-{number:03d}",
        "type": "track",
        "event": name,
        "external_id": who,
        "timestamp": iso(np.array([at]))[0],
        "properties": {
            **catalogue.fields(shop.goods, shelf=shop.shelf, place=place),
            "name": shop.names[place],
            "quantity": 1,
            "generated": True,
        },
    }


def _popular(recent: Lines, *, goods: Products, shelf: Shelf) -> dict[str, IntArray]:
    counts = np.bincount(recent.product, minlength=len(goods.ids))
    by_category: dict[str, list[int]] = {}
    for place in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist():
        if shelf.is_in_stock[place]:
            by_category.setdefault(goods.categories[place], []).append(place)
    return {name: np.array(found[:POPULAR_OF_CATEGORY]) for name, found in by_category.items()}


def _browsable(products: IntArray, *, goods: Products, shelf: Shelf) -> IntArray:
    """Own products in stock, repeats kept: they are viewed more often. Nothing sensitive."""
    kept = [
        place
        for place in products.tolist()
        if shelf.is_in_stock[place] and goods.categories[place] not in SENSITIVE
    ]
    return np.array(kept, dtype=np.int64)
