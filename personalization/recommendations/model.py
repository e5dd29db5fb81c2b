"""A trained model as plain arrays, every array lined up with `product_ids`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personalization.recommendations.neighbours import (
    FloatArray,
    Int32Array,
    IntArray,
    Neighbours,
)

NO_CATEGORY = -1


@dataclass(frozen=True, slots=True)
class Model:
    """Inside, products are positions; `product_ids`, ascending, leads to keys and back."""

    product_ids: IntArray
    neighbours: Neighbours
    popularity: FloatArray
    categories: Int32Array
    category_names: tuple[str, ...]
    # Positions by falling popularity: of the whole shop, and category after category.
    popular: Int32Array
    popular_by_category: Int32Array
    category_starts: Int32Array


def assemble(
    product_ids: IntArray,
    *,
    neighbours: Neighbours,
    popularity: FloatArray,
    categories: Int32Array,
    category_names: Sequence[str],
) -> Model:
    """Put the orders beside the arrays that serving needs, so that nothing is sorted per person."""
    if len(product_ids) and (np.diff(product_ids) <= 0).any():
        raise ValueError("product_ids of a model must ascend without repeats: sort them first")
    by_category = np.lexsort((-popularity, categories)).astype(np.int32)
    codes = np.arange(len(category_names) + 1)
    return Model(
        product_ids=product_ids,
        neighbours=neighbours,
        popularity=popularity,
        categories=categories,
        category_names=tuple(category_names),
        popular=np.argsort(-popularity, kind="stable").astype(np.int32),
        popular_by_category=by_category,
        category_starts=np.searchsorted(categories[by_category], codes).astype(np.int32),
    )


def positions(model: Model, *, product_ids: Sequence[int]) -> IntArray:
    """Where these products stand in the model; -1 for a product it does not know."""
    wanted = np.asarray(product_ids, dtype=np.int64)
    if not len(model.product_ids):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.searchsorted(model.product_ids, wanted)
    found = np.minimum(found, len(model.product_ids) - 1)
    return np.where(model.product_ids[found] == wanted, found, -1).astype(np.int64)


def in_category(model: Model, *, name: str) -> Int32Array:
    """Positions of a category's products by falling popularity; none for an unknown category."""
    if name not in model.category_names:
        return np.empty(0, dtype=np.int32)
    code = model.category_names.index(name)
    return model.popular_by_category[model.category_starts[code] : model.category_starts[code + 1]]
