"""RFM and engagement: scores that equal values share, and that anybody can compute again."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.traits import engagement, rfm
from personalization.traits.rfm import Cuts

amounts = st.lists(st.integers(0, 50), min_size=1, max_size=60)


def array(*values: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array(values, dtype=np.float64)


def test_a_hundred_different_buyers_make_even_fifths() -> None:
    values = array(*range(1, 101))

    cuts = rfm.cut(values, frequency=values, monetary=values)

    assert cuts == Cuts(*[(20.0, 40.0, 60.0, 80.0)] * 3)
    found = rfm.score(cuts, recency=values, frequency=values, monetary=values)
    assert np.bincount(found.monetary).tolist() == [0, 20, 20, 20, 20, 20]
    assert found.recency.tolist() == (6 - found.frequency).tolist()
    assert (found.recency[0], found.monetary[0]) == (5, 1)


def test_where_most_ordered_once_all_of_them_score_one() -> None:
    orders = array(*[1] * 7, 2, 3, 9)

    cuts = rfm.cut(orders, frequency=orders, monetary=orders)

    assert cuts
    found = rfm.score(cuts, recency=orders, frequency=orders, monetary=orders)
    assert found.frequency.tolist() == [1] * 7 + [4, 5, 5]


@given(amounts, st.randoms())
def test_equal_values_score_equal_and_larger_ones_never_less(
    values: list[int], chance: random.Random
) -> None:
    given_ = array(*values)
    cuts = rfm.cut(given_, frequency=given_, monetary=given_)
    assert cuts
    shuffled = list(values)
    chance.shuffle(shuffled)

    scores = rfm.score(cuts, recency=given_, frequency=given_, monetary=given_).monetary
    again = rfm.cut(array(*shuffled), frequency=given_, monetary=given_)

    assert again
    assert again.recency == cuts.recency
    in_order = scores[np.argsort(given_, kind="stable")]
    assert (np.diff(in_order) >= 0).all()
    assert len({(value, score) for value, score in zip(values, scores, strict=True)}) == len(
        set(values)
    )
    assert set(scores.tolist()) <= {1, 2, 3, 4, 5}


def test_cut_points_survive_being_stored() -> None:
    cuts = Cuts((1, 2, 3, 4), (1, 1, 2, 5), (9.5, 20, 30, 99.9))

    stored: dict[str, list[float]] = {
        "recency": [1, 2, 3, 4],
        "frequency": [1, 1, 2, 5],
        "monetary": [9.5, 20, 30, 99.9],
    }

    assert rfm.from_numbers(stored) == cuts


def test_nobody_has_no_cut_points() -> None:
    assert rfm.cut(array(), frequency=array(), monetary=array()) is None


@pytest.mark.parametrize(
    ("points", "score"), [(0, 0.0), (1, 4.8), (20, 50.0), (60, 75.0), (10**6, 100.0)]
)
def test_engagement_is_half_way_at_twenty_points_and_never_above_a_hundred(
    points: int, score: float
) -> None:
    found = engagement.score(np.array([points * engagement.SCALE]))

    assert found.tolist() == [score]


def test_the_formula_that_is_shown_is_the_one_that_is_used() -> None:
    assert "100 × P / (P + 20)" in engagement.FORMULA
    assert "30" in engagement.FORMULA
    assert engagement.points_in_words().startswith("Order Completed 10, Checkout Started 5")
