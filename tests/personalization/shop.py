"""A small shop with a model written by hand: what goes with what is known by heart."""

from collections.abc import Mapping, Sequence

import numpy as np

from personalization.models import Product
from personalization.recommendations import catalogue
from personalization.recommendations.model import assemble
from personalization.recommendations.neighbours import Neighbours
from personalization.recommendations.shelf import Shelf
from tests.campaigns.factories import product
from tests.consent.people import NOON


def products(*names: str) -> list[Product]:
    """Products of a category each; the first one sells best."""
    return [product(n, name=name, category=f"of {name}") for n, name in enumerate(names, start=1)]


def stocked(
    items: Sequence[Product], similar: Mapping[int, Mapping[int, float]] | None = None
) -> Shelf:
    """The shelf of these products; `similar` gives for a position its neighbours' scores."""
    count = len(items)
    ids = np.full((count, 4), -1, dtype=np.int32)
    scores = np.zeros((count, 4), dtype=np.float32)
    for position, found in (similar or {}).items():
        for rank, (neighbour, score) in enumerate(sorted(found.items(), key=lambda p: -p[1])):
            ids[position, rank], scores[position, rank] = neighbour, score
    names = sorted({item.category for item in items})
    model = assemble(
        np.array([item.pk for item in items], dtype=np.int64),
        neighbours=Neighbours(ids, scores),
        popularity=np.arange(count, 0, -1, dtype=np.float32),
        categories=np.array([names.index(item.category) for item in items], dtype=np.int32),
        category_names=names,
    )
    return Shelf(number=7, model=model, catalogue=catalogue.live(model), read_at=NOON)
