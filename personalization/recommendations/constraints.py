"""What may be recommended at all: the same answer for the first choice and for every fallback."""

from collections.abc import Iterable, Mapping
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
    # Banned by hand.
    is_banned: BoolArray
    prices: NDArray[np.float64]
    # Percent of the price; NaN where the shop does not tell.
    margins: NDArray[np.float64]
    categories: Int32Array
    category_names: tuple[str, ...]
    brands: Int32Array
    brand_names: tuple[str, ...]
    # Positions pinned by hand, in their order.
    pinned: Int32Array


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits of one recommendation block; an empty `categories` or `brands` allows all."""

    price_from: float | None = None
    price_to: float | None = None
    margin_from: float | None = None
    categories: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    excluded_brands: frozenset[str] = frozenset()


def plain_catalogue(
    product_ids: IntArray,
    *,
    categories: Int32Array,
    category_names: tuple[str, ...],
    is_in_stock: BoolArray | None = None,
) -> Catalogue:
    """A catalogue where nothing is known but categories: all of it can be bought."""
    count = len(product_ids)
    everything, nothing = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    return Catalogue(
        product_ids=product_ids,
        is_active=everything,
        is_in_stock=everything if is_in_stock is None else is_in_stock,
        is_sensitive=nothing,
        is_banned=nothing,
        prices=np.full(count, np.nan),
        margins=np.full(count, np.nan),
        categories=categories,
        category_names=category_names,
        brands=np.full(count, NO_CATEGORY, dtype=np.int32),
        brand_names=(),
        pinned=np.zeros(0, dtype=np.int32),
    )


def allowed(catalogue: Catalogue, *, constraints: Constraints) -> BoolArray:
    """One flag a product. What is unknown of a product is outside of every limit on it."""
    mask = catalogue.is_active & catalogue.is_in_stock
    mask &= ~(catalogue.is_sensitive | catalogue.is_banned)
    if constraints.price_from is not None:
        mask &= catalogue.prices >= constraints.price_from
    if constraints.price_to is not None:
        mask &= catalogue.prices <= constraints.price_to
    if constraints.margin_from is not None:
        mask &= catalogue.margins >= constraints.margin_from
    if constraints.categories:
        mask &= _is_in_category(catalogue, names=constraints.categories)
    if constraints.excluded_categories:
        mask &= ~_is_in_category(catalogue, names=constraints.excluded_categories)
    if constraints.brands:
        mask &= _is_of_brand(catalogue, names=constraints.brands)
    if constraints.excluded_brands:
        mask &= ~_is_of_brand(catalogue, names=constraints.excluded_brands)
    return mask


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `limit` products of one code (category, brand); no code, no cap."""

    codes: Int32Array
    limit: int
    # The codes again: of these a single one is got quicker.
    quick: "memoryview[int]" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quick", np.ascontiguousarray(self.codes).data)


class Taken:
    """Lets products through while every cap has room for them."""

    __slots__ = ("_counts",)

    def __init__(self, caps: Iterable[Cap]) -> None:
        self._counts: list[tuple[memoryview[int], int, dict[int, int]]] = [
            (cap.quick, cap.limit, {}) for cap in caps
        ]

    def admits(self, position: int) -> bool:
        for codes, limit, counts in self._counts:
            if counts.get(codes[position], 0) >= limit:
                return False
        for codes, _, counts in self._counts:
            code = codes[position]
            if code != NO_CATEGORY:
                counts[code] = counts.get(code, 0) + 1
        return True


def margin(*, price: float, attributes: Mapping[str, object]) -> float:
    """Percent of the price that is left: attribute `margin`, else from `cost`; NaN if unknown."""
    told = _number(attributes.get("margin"))
    if told is not None:
        return told
    cost = _number(attributes.get("cost"))
    return float("nan") if cost is None or price <= 0 else 100.0 * (price - cost) / price


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _is_in_category(catalogue: Catalogue, *, names: frozenset[str]) -> BoolArray:
    return _is_in(catalogue.categories, catalogue.category_names, names=names)


def _is_of_brand(catalogue: Catalogue, *, names: frozenset[str]) -> BoolArray:
    return _is_in(catalogue.brands, catalogue.brand_names, names=names)


def _is_in(codes: Int32Array, known: tuple[str, ...], *, names: frozenset[str]) -> BoolArray:
    return np.isin(codes, [code for code, name in enumerate(known) if name in names])
