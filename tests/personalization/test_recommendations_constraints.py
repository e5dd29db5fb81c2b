"""The mask of a block: stock, price, category; unknown prices are never in a range."""

import numpy as np
import pytest

from personalization.recommendations.constraints import (
    Catalogue,
    CategoryCap,
    Constraints,
    allowed,
    just_bought,
)

CATALOGUE = Catalogue(
    product_ids=np.arange(7, dtype=np.int64),
    is_active=np.array([True, True, True, True, True, False, True]),
    is_in_stock=np.array([True, True, True, True, False, True, True]),
    is_sensitive=np.array([False, False, False, False, False, False, True]),
    prices=np.array([1.0, 5.0, 9.0, np.nan, 5.0, 5.0, 5.0]),
    categories=np.array([0, 0, 1, 1, 0, 0, 1], dtype=np.int32),
    category_names=("tea", "cake"),
)


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (Constraints(), [0, 1, 2, 3]),
        (Constraints(price_from=5.0), [1, 2]),
        (Constraints(price_to=5.0), [0, 1]),
        (Constraints(price_from=2.0, price_to=8.0), [1]),
        (Constraints(categories=frozenset({"cake"})), [2, 3]),
        (Constraints(categories=frozenset({"unknown"})), []),
        (Constraints(excluded_categories=frozenset({"tea"})), [2, 3]),
    ],
)
def test_mask_keeps_what_the_block_allows(constraints: Constraints, expected: list[int]) -> None:
    mask = allowed(CATALOGUE, constraints=constraints)

    assert np.flatnonzero(mask).tolist() == expected


def test_the_mask_leaves_the_catalogue_as_it_was() -> None:
    allowed(CATALOGUE, constraints=Constraints(price_from=100.0))

    assert CATALOGUE.is_active.tolist() == [True] * 5 + [False, True]


def test_just_bought_includes_the_last_day_of_the_window() -> None:
    found = just_bought([(1, 0.5), (2, 14.0), (3, 14.5), (3, 40.0)], within_days=14)

    assert found == {1, 2}


def test_a_cap_ignores_products_without_category() -> None:
    cap = CategoryCap(limit=1)

    assert [cap.admits(code) for code in (0, 0, 1, -1, -1)] == [True, False, True, True, True]
