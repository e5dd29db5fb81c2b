"""A trained model as plain arrays, every array lined up with `product_ids`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from personalization.recommendations.neighbours import (
    FloatArray,
    Int32Array,
    IntArray,
    Neighbours,
)
from personalization.recommendations.vmis import Sessions, no_sessions

NO_CATEGORY = -1
# The age of a product that was always there, in days.
ALWAYS = np.float32(36_500)


@dataclass(frozen=True, slots=True)
class Places:
    """Positions by falling popularity in a place, place after place; a name is `kind:place`."""

    numbers: Mapping[str, int]
    starts: Int32Array
    positions: Int32Array
    scores: FloatArray


@dataclass(frozen=True, slots=True)
class Model:
    """Inside, products are positions; `product_ids`, ascending, leads to keys and back.

    `neighbours` are of baskets, recent ones counting more; `viewed` of visits; `together` of
    baskets of any age, for what goes with a purchase just made.
    """

    product_ids: IntArray
    neighbours: Neighbours
    popularity: FloatArray
    categories: Int32Array
    category_names: tuple[str, ...]
    # Positions by falling popularity: of the whole shop, and category after category.
    popular: Int32Array
    popular_by_category: Int32Array
    category_starts: Int32Array
    viewed: Neighbours
    together: Neighbours
    trends: FloatArray
    # Days since a product was first for sale.
    ages: FloatArray
    places: Places
    sessions: Sessions


def assemble(
    product_ids: IntArray,
    *,
    neighbours: Neighbours,
    popularity: FloatArray,
    categories: Int32Array,
    category_names: Sequence[str],
    viewed: Neighbours | None = None,
    together: Neighbours | None = None,
    trends: FloatArray | None = None,
    ages: FloatArray | None = None,
    places: Places | None = None,
    sessions: Sessions | None = None,
) -> Model:
    """Put the orders beside the arrays that serving needs, so that nothing is sorted per person.

    Without lists of visits, or of what goes together, those of the baskets serve for them.
    """
    if len(product_ids) and (np.diff(product_ids) <= 0).any():
        raise ValueError("product_ids of a model must ascend without repeats: sort them first")
    count = len(product_ids)
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
        viewed=viewed or neighbours,
        together=together or neighbours,
        trends=np.zeros(count, dtype=np.float32) if trends is None else trends,
        ages=np.full(count, ALWAYS, dtype=np.float32) if ages is None else ages,
        places=places or no_places(),
        sessions=sessions or no_sessions(item_count=count),
    )


def grown(
    model: Model,
    product_ids: IntArray,
    *,
    categories: Sequence[str],
    ages: FloatArray,
    days: float,
) -> Model:
    """Add products that came after the training, `days` ago: only their age is known.

    Keys have to ascend. Neighbours and visits are not copied: newcomers lie beyond their ends.
    """
    names = {name: code for code, name in enumerate(model.category_names)}
    codes = [names.get(name, NO_CATEGORY) for name in categories]
    nothing = np.zeros(len(product_ids), dtype=np.float32)
    return replace(
        model,
        product_ids=np.concatenate((model.product_ids, product_ids)),
        popularity=np.concatenate((model.popularity, nothing)),
        categories=np.concatenate((model.categories, np.array(codes, dtype=np.int32))),
        trends=np.concatenate((model.trends, nothing)),
        ages=np.concatenate((model.ages + np.float32(days), ages)),
    )


def no_places() -> Places:
    return Places(
        numbers={},
        starts=np.zeros(1, dtype=np.int32),
        positions=np.zeros(0, dtype=np.int32),
        scores=np.zeros(0, dtype=np.float32),
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
