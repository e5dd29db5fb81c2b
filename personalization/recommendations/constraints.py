"""What may be recommended at all: the same answer for the first choice and for every fallback."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization.recommendations.model import NO_CATEGORY
from personalization.recommendations.neighbours import BoolArray, Int32Array, IntArray


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The live state of the model's products, in the model's order; price NaN where unknown."""

    product_ids: IntArray
    is_active: BoolArray
    is_in_stock: BoolArray
    # Medical, intimate or age-restricted: never recommended, and never given as a reason.
    is_sensitive: BoolArray
    prices: NDArray[np.float64]
    categories: Int32Array
    category_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits of one recommendation block; an empty `categories` allows all of them."""

    price_from: float | None = None
    price_to: float | None = None
    categories: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()


def allowed(catalogue: Catalogue, *, constraints: Constraints) -> BoolArray:
    """One flag a product. A product of unknown price is outside of every price range."""
    mask = catalogue.is_active & catalogue.is_in_stock & ~catalogue.is_sensitive
    if constraints.price_from is not None:
        mask &= catalogue.prices >= constraints.price_from
    if constraints.price_to is not None:
        mask &= catalogue.prices <= constraints.price_to
    if constraints.categories:
        mask &= _is_in(catalogue, names=constraints.categories)
    if constraints.excluded_categories:
        mask &= ~_is_in(catalogue, names=constraints.excluded_categories)
    return mask


def just_bought(purchases: Iterable[tuple[int, float]], *, within_days: float) -> frozenset[int]:
    """Products of (product, age in days) that are too fresh to be offered again."""
    return frozenset(product for product, age in purchases if age <= within_days)


@dataclass(slots=True)
class CategoryCap:
    """Lets at most `limit` products of one category through; no category, no cap."""

    limit: int | None
    taken: dict[int, int] = field(default_factory=dict)

    def admits(self, category: int) -> bool:
        if self.limit is None or category == NO_CATEGORY:
            return True
        taken = self.taken.get(category, 0)
        if taken >= self.limit:
            return False
        self.taken[category] = taken + 1
        return True


def _is_in(catalogue: Catalogue, *, names: frozenset[str]) -> BoolArray:
    codes = [code for code, name in enumerate(catalogue.category_names) if name in names]
    return np.isin(catalogue.categories, codes)
