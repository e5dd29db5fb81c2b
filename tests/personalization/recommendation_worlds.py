"""Small recommendation models for tests: written by hand, and random ones."""

from collections.abc import Mapping, Sequence

import numpy as np

from personalization.recommendations.constraints import Catalogue, plain_catalogue
from personalization.recommendations.model import Model, assemble
from personalization.recommendations.neighbours import BoolArray, Neighbours

# Keys differ from positions, so that a mix-up of the two shows.
FIRST_KEY = 1000


def key(position: int) -> int:
    return FIRST_KEY + 10 * position


def model(
    *,
    popularity: Sequence[float],
    similar: Mapping[int, Mapping[int, float]] | None = None,
    categories: Sequence[str] | None = None,
) -> Model:
    """`similar` gives for a position its neighbours' scores; categories default to none."""
    count = len(popularity)
    ids = np.full((count, 8), -1, dtype=np.int32)
    scores = np.zeros((count, 8), dtype=np.float32)
    for position, found in (similar or {}).items():
        best = sorted(found.items(), key=lambda pair: -pair[1])
        for rank, (neighbour, score) in enumerate(best):
            ids[position, rank] = neighbour
            scores[position, rank] = score
    names = sorted({name for name in categories or () if name})
    codes = [names.index(name) if name else -1 for name in categories or [""] * count]
    return assemble(
        np.array([key(position) for position in range(count)], dtype=np.int64),
        neighbours=Neighbours(ids, scores),
        popularity=np.array(popularity, dtype=np.float32),
        categories=np.array(codes, dtype=np.int32),
        category_names=names,
    )


def catalogue_of(shop: Model, *, allowed: BoolArray | None = None) -> Catalogue:
    """A catalogue where just these can be bought; all of them if it is not said."""
    return plain_catalogue(
        shop.product_ids,
        categories=shop.categories,
        category_names=shop.category_names,
        is_in_stock=allowed,
    )


def random_model(*, seed: int, count: int = 40) -> Model:
    rng = np.random.default_rng(seed)
    similar = {
        position: {
            int(other): float(rng.integers(1, 20)) / 20
            for other in rng.choice(count, size=rng.integers(0, 8), replace=False)
            if other != position
        }
        for position in range(count)
    }
    return model(
        popularity=rng.integers(0, 6, count).astype(float).tolist(),
        similar=similar,
        categories=[("", "a", "b", "c")[code] for code in rng.integers(0, 4, count)],
    )
