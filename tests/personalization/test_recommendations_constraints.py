"""The mask of a block: stock, price, margin, category, brand, bans; caps."""

import numpy as np
import pytest

from personalization.recommendations.constraints import (
    Cap,
    Catalogue,
    Constraints,
    Taken,
    allowed,
    margin,
)

NAN = np.nan
CATALOGUE = Catalogue(
    product_ids=np.arange(8, dtype=np.int64),
    is_active=np.array([True, True, True, True, True, False, True, True]),
    is_in_stock=np.array([True, True, True, True, False, True, True, True]),
    is_sensitive=np.array([False, False, False, False, False, False, True, False]),
    is_banned=np.array([False, False, False, False, False, False, False, True]),
    prices=np.array([1.0, 5.0, 9.0, NAN, 5.0, 5.0, 5.0, 5.0]),
    margins=np.array([10.0, 30.0, 50.0, NAN, 50.0, 50.0, 50.0, 50.0]),
    categories=np.array([0, 0, 1, 1, 0, 0, 1, 0], dtype=np.int32),
    category_names=("tea", "cake"),
    brands=np.array([0, 1, 1, -1, 0, 0, 0, 0], dtype=np.int32),
    brand_names=("Acme", "Bolt"),
    pinned=np.zeros(0, dtype=np.int32),
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
        (Constraints(margin_from=30.0), [1, 2]),
        (Constraints(brands=frozenset({"Bolt"})), [1, 2]),
        (Constraints(excluded_brands=frozenset({"Bolt"})), [0, 3]),
    ],
)
def test_mask_keeps_what_the_block_allows(constraints: Constraints, expected: list[int]) -> None:
    mask = allowed(CATALOGUE, constraints=constraints)

    assert np.flatnonzero(mask).tolist() == expected


def test_the_mask_leaves_the_catalogue_as_it_was() -> None:
    allowed(CATALOGUE, constraints=Constraints(price_from=100.0))

    assert CATALOGUE.is_active.tolist() == [True] * 5 + [False, True, True]


def test_a_cap_ignores_products_without_category() -> None:
    taken = Taken((Cap(np.array([0, 0, 1, -1, -1], dtype=np.int32), 1),))

    assert [taken.admits(position) for position in range(5)] == [True, False, True, True, True]


def test_a_product_refused_by_one_cap_takes_no_place_of_another() -> None:
    categories = np.array([0, 1, 1], dtype=np.int32)
    brands = np.array([0, 0, 1], dtype=np.int32)
    taken = Taken((Cap(categories, 1), Cap(brands, 1)))

    assert [taken.admits(position) for position in range(3)] == [True, False, True]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"margin": 25}, 25.0),
        ({"margin": "25.5", "cost": 1}, 25.5),
        ({"cost": "6"}, 40.0),
        ({"cost": True}, None),
        ({"margin": "much"}, None),
        ({"margin": "nan"}, None),
        ({}, None),
    ],
)
def test_a_margin_is_told_or_worked_out_from_the_cost(
    attributes: dict[str, object], expected: float | None
) -> None:
    found = margin(price=10.0, attributes=attributes)

    assert np.isnan(found) if expected is None else found == pytest.approx(expected)


def test_a_product_without_a_price_has_no_margin() -> None:
    assert np.isnan(margin(price=0.0, attributes={"cost": 1}))
