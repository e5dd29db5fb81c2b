"""Serving: order, fallbacks, constraints in every tier, and reasons that are true."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.recommendations.model import Model
from personalization.recommendations.neighbours import BoolArray
from personalization.recommendations.recipe import Chain, Recipe, recipe
from personalization.recommendations.serve import Ask, Recommended, recommend, recommend_all
from tests.personalization.recommendation_plainly import recommend_plainly
from tests.personalization.recommendation_worlds import catalogue_of, key, model, random_model


def made(strategy: str, *, per_category: int | None = None) -> Recipe:
    """The recipe of a strategy that leaves out only what is said."""
    return replace(recipe(strategy), per_category=per_category, exclude_bought_days=-1)


def found_in(
    shop: Model,
    strategy: str,
    *,
    limit: int,
    per_category: int | None = None,
    allowed: BoolArray | None = None,
    **told: Any,
) -> list[Recommended]:
    ask = Ask(made(strategy, per_category=per_category), **told)
    return recommend(shop, catalogue_of(shop, allowed=allowed), ask, limit=limit)


def test_neighbours_of_what_was_bought_come_first() -> None:
    shop = model(popularity=[1, 1, 1, 9, 8, 7], similar={0: {1: 0.2, 2: 0.8}})

    found = found_in(shop, "because_you_bought", bought=[(key(0), 3.0)], exclude={key(0)}, limit=3)

    assert [item.product_id for item in found] == [key(2), key(1), key(3)]
    assert [item.strategy for item in found] == [*["because_you_bought"] * 2, "popular"]
    assert [item.because_of for item in found] == [key(0), key(0), None]


def test_score_is_faded_similarity_times_root_of_popularity() -> None:
    shop = model(popularity=[0, 0, 3.9], similar={0: {2: 0.5}, 1: {2: 0.25}})

    found = found_in(shop, "because_you_viewed", viewed=[(key(1), 9.0), (key(0), 1.0)], limit=1)

    assert found[0].product_id == key(2)
    assert found[0].score == pytest.approx((0.5 + 0.8 * 0.25) * np.sqrt(4.0))


def test_items_of_one_basket_count_alike() -> None:
    shop = model(popularity=[0, 0, 0, 0], similar={0: {2: 0.5}, 1: {3: 0.5}})

    found = found_in(shop, "because_you_bought", bought=[(key(0), 4.0), (key(1), 4.0)], limit=2)

    assert found[0].score == pytest.approx(found[1].score)


def test_no_reason_is_claimed_if_the_product_would_be_there_anyway() -> None:
    shop = model(popularity=[1, 1, 50, 1], similar={0: {2: 0.9}})

    found = found_in(shop, "because_you_bought", bought=[(key(0), 1.0)], exclude={key(0)}, limit=1)

    assert [(item.product_id, item.because_of) for item in found] == [(key(2), None)]


def test_no_reason_is_claimed_if_another_item_of_the_history_suffices() -> None:
    shop = model(popularity=[0, 0, 0, 0, 0], similar={0: {2: 0.9, 3: 0.1}, 1: {2: 0.8}, 4: {}})

    found = found_in(
        shop,
        "because_you_bought",
        bought=[(key(0), 1.0), (key(1), 1.0)],
        exclude={key(0), key(1), key(4)},
        limit=1,
    )

    assert [(item.product_id, item.because_of) for item in found] == [(key(2), None)]


def test_buy_again_ranks_own_products_by_how_often_they_were_bought() -> None:
    shop = model(popularity=[9, 0, 0, 0])

    found = found_in(
        shop,
        "buy_again",
        bought=[(key(1), 5.0), (key(2), 6.0), (key(2), 20.0), (key(3), 2.0)],
        exclude={key(3)},
        limit=3,
    )

    assert [item.product_id for item in found] == [key(2), key(1), key(0)]
    assert [item.strategy for item in found[1:]] == ["buy_again", "popular"]


def test_someone_without_history_gets_the_favourite_category_then_the_shop() -> None:
    shop = model(popularity=[9, 8, 1, 2], categories=["tea", "tea", "cake", "cake"])

    found = found_in(shop, "because_you_bought", favourite_category="cake", limit=3)

    assert [item.product_id for item in found] == [key(3), key(2), key(0)]
    assert [item.strategy for item in found] == [
        "popular_in_category",
        "popular_in_category",
        "popular",
    ]
    assert [item.tier for item in found] == [1, 1, 3]


def test_what_nobody_bought_fills_the_last_places_and_is_not_called_popular() -> None:
    shop = model(popularity=[0, 3, 0])

    found = found_in(shop, "popular", limit=3)

    assert [(item.product_id, item.strategy) for item in found] == [
        (key(1), "popular"),
        (key(2), "range"),
        (key(0), "range"),
    ]


def test_a_category_takes_at_most_its_share() -> None:
    shop = model(popularity=[9, 8, 7, 1, 0], categories=["tea", "tea", "tea", "cake", ""])

    found = found_in(shop, "popular", limit=4, per_category=1)

    assert [item.product_id for item in found] == [key(0), key(3), key(4)]


def test_who_refused_profiling_is_asked_nothing_personal() -> None:
    shop = model(popularity=[1, 9, 1], similar={0: {2: 0.9}}, categories=["tea", "cake", "cake"])

    found = found_in(
        shop,
        "because_you_bought",
        bought=[(key(0), 1.0)],
        favourite_category="tea",
        may_profile=False,
        limit=3,
    )

    assert [item.strategy for item in found] == ["popular"] * 3
    assert {item.because_of for item in found} == {None}


def test_unknown_products_in_history_and_exclusions_are_ignored() -> None:
    shop = model(popularity=[2, 1])

    found = found_in(
        shop, "because_you_viewed", viewed=[(5, 1.0), (10**12, 2.0)], exclude={6}, limit=5
    )

    assert [item.product_id for item in found] == [key(0), key(1)]


def test_an_empty_catalogue_gives_an_empty_list() -> None:
    shop = model(popularity=[])

    found = found_in(shop, "because_you_bought", bought=[(1, 1.0)], exclude={1}, limit=3)

    assert found == []


def test_what_goes_with_the_open_cart_comes_before_what_goes_with_the_last_order() -> None:
    shop = model(popularity=[1] * 6, similar={0: {2: 0.9}, 1: {3: 0.9}})

    found = found_in(shop, "goes_with", bought=[(key(0), 5.0)], cart=[(key(1), 0.0)], limit=1)

    assert [(item.product_id, item.because_of, item.detail) for item in found] == [
        (key(3), key(1), "your cart")
    ]


def test_without_its_only_item_a_cart_is_none_and_the_last_order_is_looked_at() -> None:
    """The order alone brings the same product, so the cart did not cause it."""
    shop = model(popularity=[1] * 6, similar={0: {3: 0.9}, 1: {3: 0.5}})

    found = found_in(shop, "goes_with", bought=[(key(0), 5.0)], cart=[(key(1), 0.0)], limit=1)

    assert [(item.product_id, item.because_of) for item in found] == [(key(3), None)]


def test_what_lies_in_the_cart_is_not_recommended_by_any_step() -> None:
    shop = model(popularity=[9, 8, 7], similar={0: {2: 0.5}})

    found = found_in(shop, "goes_with", cart=[(key(0), 0.0), (key(1), 0.0)], limit=3)

    assert [item.product_id for item in found] == [key(2)]


def test_an_order_is_named_as_the_cause_where_there_is_no_cart() -> None:
    shop = model(popularity=[1] * 4, similar={0: {3: 0.9}})

    found = found_in(shop, "goes_with", bought=[(key(0), 5.0)], limit=1)

    assert [(item.because_of, item.detail) for item in found] == [(key(0), "your recent orders")]


KEYS = st.integers(0, 74).map(key)
HISTORIES = st.lists(st.tuples(KEYS, st.integers(0, 30).map(float)), max_size=75)


@settings(max_examples=500, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    boughts=st.lists(HISTORIES, min_size=1, max_size=3),
    strategy=st.sampled_from(["because_you_bought", "buy_again", "popular"]),
    exclude=st.sets(KEYS, max_size=30),
    share=st.sampled_from([0.2, 0.7, 1.0]),
    limit=st.integers(0, 8),
    favourite=st.sampled_from(["", "a", "unheard of"]),
    per_category=st.sampled_from([None, 1, 2]),
)
def test_a_batch_is_recommended_what_each_would_be_on_paper(
    seed: int,
    boughts: list[list[tuple[int, float]]],
    strategy: str,
    exclude: set[int],
    share: float,
    limit: int,
    favourite: str,
    per_category: int | None,
) -> None:
    shop = random_model(seed=seed, count=70)
    allowed = np.random.default_rng(seed).random(70) < share
    told = made(strategy, per_category=per_category)

    found = recommend_all(
        shop,
        catalogue_of(shop, allowed=allowed),
        [Ask(told, bought, exclude=exclude, favourite_category=favourite) for bought in boughts],
        limit=limit,
    )

    for bought, recommended in zip(boughts, found, strict=True):
        assert recommended == recommend_plainly(
            shop,
            bought=bought,
            strategy=strategy,
            exclude=exclude,
            allowed=allowed.tolist(),
            limit=limit,
            favourite_category=favourite,
            per_category=per_category,
        )


def test_a_cause_beyond_the_items_another_step_looks_at_is_left_out_there_too() -> None:
    """The first step looks at ten items, the second at fifty: its cause is unknown to the first."""
    similar = {20: {30: 0.9}, 0: {31: 0.1}}
    shop = model(popularity=[1.0] * 32, similar=similar)
    chain = Chain(
        "mine", 1, {"steps": [{"strategy": "goes_with"}, {"strategy": "because_you_bought"}]}
    )
    told = replace(recipe("mine", chains={"mine": chain}), exclude_bought_days=-1)
    past = [(key(place), 1.0 + place) for place in range(21)]

    found = recommend(shop, catalogue_of(shop), Ask(told, bought=past), limit=2)

    assert [(item.product_id, item.strategy, item.because_of) for item in found] == [
        (key(31), "goes_with", key(0)),
        (key(30), "because_you_bought", key(20)),
    ]
