"""The demo's products: names, prices and stock derived from what was sold."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from faker import Faker
from numpy.typing import NDArray

from campaigns.demo.rows import CURRENCY, SEED, Row
from campaigns.demo.source import BoolArray, IntArray, Lines, Products
from campaigns.demo.words import product_name, series, tidy

HOUSE_BRAND = "Corner Market"
# What nobody bought for a quarter of a year counts as sold out: mostly seasonal goods.
IN_STOCK_WEEKS = 13
# Age-restricted, medical or intimate: sold, but nothing to be mailed about. As in the data set.
SENSITIVE = frozenset({
    "ADULT INCONTINENCE", "ANALGESICS", "ANTACIDS", "BEERS/ALES", "CIGARETTES", "CIGARS",
    "COLD AND FLU", "DIETARY AID PRODUCTS", "DOMESTIC WINE", "EYE AND EAR CARE PRODUCTS",
    "FAMILY PLANNING", "FEMININE HYGIENE", "FIRST AID PRODUCTS", "FOOT CARE PRODUCTS",
    "HOME HEALTH CARE", "IMPORTED WINE", "LAXATIVES", "LIQUOR", "MISC WINE", "NATURAL VITAMINS",
    "RESTRICTED DIET", "SINUS AND ALLERGY", "SMOKING CESSATIONS", "TOBACCO OTHER", "VITAMINS",
})  # fmt: skip
SENSITIVE_CATEGORIES = frozenset(tidy(category) for category in SENSITIVE)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Of every product: was it ever sold, its median unit price in cents, is it in stock.

    `is_offered` is what the chosen households bought: a small demo has a small catalogue, with
    the same names and prices.
    """

    is_sold: BoolArray
    cents: NDArray[np.int64]
    is_in_stock: BoolArray
    is_offered: BoolArray

    def only(self, products: IntArray) -> "Shelf":
        kept = np.zeros(len(self.is_sold), dtype=np.bool_)
        kept[products] = True
        offered = self.is_sold & kept
        return Shelf(self.is_sold, self.cents, self.is_in_stock & offered, offered)


def stock(lines: Lines, *, product_count: int) -> Shelf:
    paid = lines.where(lines.cents > 0)
    unit = np.rint(paid.cents / paid.quantity).astype(np.int64)
    order = np.lexsort((unit, paid.product))
    counts = np.bincount(paid.product, minlength=product_count)
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    is_sold = counts > 0
    cents = np.zeros(product_count, dtype=np.int64)
    cents[is_sold] = unit[order][middle[is_sold]]
    since = lines.at[-1] - np.timedelta64(7 * IN_STOCK_WEEKS, "D")
    recently = np.zeros(product_count, dtype=np.bool_)
    recently[lines.product[lines.at > since]] = True
    return Shelf(is_sold, cents, is_sold & recently, is_sold)


def rows(goods: Products, *, shelf: Shelf) -> list[Row]:
    """Products that were sold at a price: of the others no price is known."""
    named = names(goods, shelf=shelf)
    brands = _brands(goods)
    return [
        {
            **fields(goods, shelf=shelf, place=place),
            "name": named[place],
            "department": tidy(goods.departments[place]),
            "brand": brands[place],
            "image_url": "",
            "in_stock": bool(shelf.is_in_stock[place]),
            "is_sensitive": goods.categories[place] in SENSITIVE,
        }
        for place in np.flatnonzero(shelf.is_offered).tolist()
    ]


def names(goods: Products, *, shelf: Shelf) -> dict[int, str]:
    """By place, and all different: products described alike get different product lines."""
    brands = _brands(goods)
    taken: Counter[tuple[str, str]] = Counter()
    found = {}
    for place in np.flatnonzero(shelf.is_sold).tolist():
        described = product_name(
            kind=goods.kinds[place],
            category=goods.categories[place],
            package=goods.packages[place],
        )
        line = series(taken[brands[place], described])
        taken[brands[place], described] += 1
        found[place] = " ".join(f"{brands[place]} {line} {described}".split())
    return found


def fields(goods: Products, *, shelf: Shelf, place: int) -> Row:
    """The product as an event names it."""
    return {
        "product_id": str(int(goods.ids[place])),
        "category": tidy(goods.categories[place]),
        "price": int(shelf.cents[place]) / 100,
        "currency": CURRENCY,
        "url": _url(int(goods.ids[place])),
    }


def _brands(goods: Products) -> list[str]:
    """The data set knows makers by number only: each gets a surname made up by Faker."""
    names = Faker("en_US")
    names.seed_instance(SEED)
    makers = np.unique(goods.makers).tolist()
    called = {maker: names.last_name() for maker in makers}
    pairs = zip(goods.brands, goods.makers.tolist(), strict=True)
    return [HOUSE_BRAND if kind == "Private" else called[maker] for kind, maker in pairs]


def _url(product_id: int) -> str:
    return f"https://shop.example.com/p/{product_id}"
