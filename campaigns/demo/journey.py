"""The demo's data: "The Complete Journey" moved to the present, as rows of data files."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from campaigns.demo import browse, catalogue, history, orders, people, source
from campaigns.demo.history import PastCampaign
from campaigns.demo.rows import SEED, Row
from campaigns.demo.source import IntArray, Lines, Products

WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    """Chosen households with their purchases; every time is shifted by `shift_weeks` already."""

    now: datetime
    shift_weeks: int
    households: IntArray
    lines: Lines
    goods: Products
    shelf: catalogue.Shelf
    left_out: dict[str, int]

    def customers(self) -> list[Row]:
        return people.customers(self.households, lines=self.lines)

    def products(self) -> list[Row]:
        return catalogue.rows(self.goods, shelf=self.shelf)

    def orders(self, *, batch_size: int = 2000) -> Iterator[list[Row]]:
        return orders.batches(self.lines, goods=self.goods, batch_size=batch_size)

    def browse(self) -> list[Row]:
        return browse.rows(self.lines, goods=self.goods, shelf=self.shelf, now=self.now)

    def past_campaigns(self) -> list[PastCampaign]:
        return history.past_campaigns(self.households, shift=self.shift_weeks * WEEK)


def load(*, customers: int | None, now: datetime, shift_weeks: int | None = None) -> Journey:
    """Read, clean, choose `customers` households (all if None) and move them to the present.

    Without `shift_weeks` the shift is chosen so that the whole set's last purchase falls within
    the seven days before `now`; a second load passes the stored shift and gets the same rows.
    """
    goods = source.products()
    lines = source.lines(goods)
    if shift_weeks is None:
        shift_weeks = weeks_to(now, last=lines.at[-1])
    lines = _shifted(lines, weeks=shift_weeks)
    usable, left_out = _clean(lines, goods=goods)
    shelf = catalogue.stock(usable, product_count=len(goods.ids))
    households = _choose(usable, count=customers)
    chosen = usable.where(np.isin(usable.household, households))
    return Journey(
        now=now,
        shift_weeks=shift_weeks,
        households=households,
        lines=chosen,
        goods=goods,
        shelf=shelf.only(chosen.product),
        left_out=left_out,
    )


def weeks_to(now: datetime, *, last: np.datetime64) -> int:
    """The most whole weeks by which `last` can move without passing `now`."""
    present = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "s")
    return int((present - last) // WEEK)


def _shifted(lines: Lines, *, weeks: int) -> Lines:
    at = lines.at + weeks * WEEK
    return Lines(lines.household, lines.basket, at, lines.product, lines.quantity, lines.cents)


def _clean(lines: Lines, *, goods: Products) -> tuple[Lines, dict[str, int]]:
    """Leave out what is no sale of a product, and count it."""
    is_product = source.is_sold_by_mail(goods)[lines.product]
    is_counted = lines.quantity > 0
    usable = lines.where(is_product & is_counted)
    return usable, {
        "lines_of_no_product": int((~is_product).sum()),
        "lines_without_quantity": int((is_product & ~is_counted).sum()),
        "baskets_left_empty": len(np.unique(lines.basket)) - len(np.unique(usable.basket)),
    }


def _choose(lines: Lines, *, count: int | None) -> IntArray:
    """A fixed random choice; a larger one holds every smaller one."""
    everyone = np.unique(lines.household)
    if count is None or count >= len(everyone):
        return everyone
    mixed = np.random.default_rng(SEED).permutation(everyone)
    return np.sort(mixed[:count])
