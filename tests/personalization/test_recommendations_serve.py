"""Serving: order, fallbacks, constraints in every tier, and reasons that are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.recommendations.neighbours import BoolArray
from personalization.recommendations.serve import Ask, Strategy, Tier, recommend, recommend_all
from tests.personalization.recommendation_plainly import recommend_plainly
from tests.personalization.recommendation_worlds import FIRST_KEY, key, model, random_model


def everything(count: int) -> BoolArray:
    return np.ones(count, dtype=np.bool_)


def test_neighbours_of_what_was_bought_come_first() -> None:
    shop = model(popularity=[1, 1, 1, 9, 8, 7], similar={0: {1: 0.2, 2: 0.8}})

    found = recommend(
        shop,
        recent=[(key(0), 3.0)],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude={key(0)},
        allowed=everything(6),
        limit=3,
    )

    assert [item.product_id for item in found] == [key(2), key(1), key(3)]
    assert [item.tier for item in found] == [Tier.PERSONAL, Tier.PERSONAL, Tier.SITE]
    assert [item.because_of for item in found] == [key(0), key(0), None]


def test_score_is_faded_similarity_times_root_of_popularity() -> None:
    shop = model(popularity=[0, 0, 3.9], similar={0: {2: 0.5}, 1: {2: 0.25}})

    found = recommend(
        shop,
        recent=[(key(1), 9.0), (key(0), 1.0)],
        strategy=Strategy.BECAUSE_YOU_VIEWED,
        exclude=(),
        allowed=everything(3),
        limit=1,
    )

    assert found[0].product_id == key(2)
    assert found[0].score == pytest.approx((0.5 + 0.8 * 0.25) * np.sqrt(4.0))


def test_items_of_one_basket_count_alike() -> None:
    shop = model(popularity=[0, 0, 0, 0], similar={0: {2: 0.5}, 1: {3: 0.5}})

    found = recommend(
        shop,
        recent=[(key(0), 4.0), (key(1), 4.0)],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude=(),
        allowed=everything(4),
        limit=2,
    )

    assert found[0].score == pytest.approx(found[1].score)


def test_no_reason_is_claimed_if_the_product_would_be_there_anyway() -> None:
    shop = model(popularity=[1, 1, 50, 1], similar={0: {2: 0.9}})

    found = recommend(
        shop,
        recent=[(key(0), 1.0)],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude={key(0)},
        allowed=everything(4),
        limit=1,
    )

    assert [(item.product_id, item.because_of) for item in found] == [(key(2), None)]


def test_no_reason_is_claimed_if_another_item_of_the_history_suffices() -> None:
    shop = model(popularity=[0, 0, 0, 0, 0], similar={0: {2: 0.9, 3: 0.1}, 1: {2: 0.8}, 4: {}})

    found = recommend(
        shop,
        recent=[(key(0), 1.0), (key(1), 1.0)],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude={key(0), key(1), key(4)},
        allowed=everything(5),
        limit=1,
    )

    assert [(item.product_id, item.because_of) for item in found] == [(key(2), None)]


def test_buy_again_ranks_own_products_by_how_often_they_were_bought() -> None:
    shop = model(popularity=[9, 0, 0, 0])

    found = recommend(
        shop,
        recent=[(key(1), 5.0), (key(2), 6.0), (key(2), 20.0), (key(3), 2.0)],
        strategy=Strategy.BUY_AGAIN,
        exclude={key(3)},
        allowed=everything(4),
        limit=3,
    )

    assert [item.product_id for item in found] == [key(2), key(1), key(0)]
    assert [item.strategy for item in found[1:]] == [Strategy.BUY_AGAIN, Strategy.POPULAR]


def test_someone_without_history_gets_the_favourite_category_then_the_shop() -> None:
    shop = model(popularity=[9, 8, 1, 2], categories=["tea", "tea", "cake", "cake"])

    found = recommend(
        shop,
        recent=[],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude=(),
        allowed=everything(4),
        limit=3,
        favourite_category="cake",
    )

    assert [item.product_id for item in found] == [key(3), key(2), key(0)]
    assert [item.tier for item in found] == [
        Tier.FAVOURITE_CATEGORY,
        Tier.FAVOURITE_CATEGORY,
        Tier.SITE,
    ]


def test_a_category_takes_at_most_its_share() -> None:
    shop = model(popularity=[9, 8, 7, 1, 0], categories=["tea", "tea", "tea", "cake", ""])

    found = recommend(
        shop,
        recent=[],
        strategy=Strategy.POPULAR,
        exclude=(),
        allowed=everything(5),
        limit=4,
        per_category=1,
    )

    assert [item.product_id for item in found] == [key(0), key(3), key(4)]


def test_unknown_products_in_history_and_exclusions_are_ignored() -> None:
    shop = model(popularity=[2, 1])

    found = recommend(
        shop,
        recent=[(5, 1.0), (10**12, 2.0)],
        strategy=Strategy.BECAUSE_YOU_VIEWED,
        exclude={6},
        allowed=everything(2),
        limit=5,
    )

    assert [item.product_id for item in found] == [key(0), key(1)]


def test_an_empty_catalogue_gives_an_empty_list() -> None:
    found = recommend(
        model(popularity=[]),
        recent=[(1, 1.0)],
        strategy=Strategy.BECAUSE_YOU_BOUGHT,
        exclude={1},
        allowed=everything(0),
        limit=3,
    )

    assert found == []


KEYS = st.integers(0, 74).map(key)
HISTORIES = st.lists(st.tuples(KEYS, st.integers(0, 30).map(float)), max_size=75)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    recent=HISTORIES,
    strategy=st.sampled_from(Strategy),
    exclude=st.sets(KEYS, max_size=30),
    share=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    limit=st.integers(1, 8),
    favourite=st.sampled_from(["", "a", "unheard of"]),
    per_category=st.sampled_from([None, 1, 2]),
)
def test_constraints_hold_nothing_is_empty_and_every_reason_is_true(
    seed: int,
    recent: list[tuple[int, float]],
    strategy: Strategy,
    exclude: set[int],
    share: float,
    limit: int,
    favourite: str,
    per_category: int | None,
) -> None:
    shop = random_model(seed=seed)
    allowed = np.random.default_rng(seed).random(40) < share

    def ask(history: list[tuple[int, float]]) -> dict[int, int | None]:
        found = recommend(
            shop,
            recent=history,
            strategy=strategy,
            exclude=exclude,
            allowed=allowed,
            limit=limit,
            favourite_category=favourite,
            per_category=per_category,
        )
        assert len({item.product_id for item in found}) == len(found) <= limit
        return {item.product_id: item.because_of for item in found}

    found = ask(recent)

    permitted = {key(position) for position in np.flatnonzero(allowed).tolist()} - exclude
    assert set(found) <= permitted
    assert bool(found) == bool(permitted)
    codes = [int(shop.categories[(product - FIRST_KEY) // 10]) for product in found]
    if per_category:
        assert all(codes.count(code) <= per_category for code in codes if code >= 0)
    for product, cause in found.items():
        if cause is not None:
            assert product not in ask([entry for entry in recent if entry[0] != cause])


@settings(max_examples=500, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    recents=st.lists(HISTORIES, min_size=1, max_size=3),
    strategy=st.sampled_from(Strategy),
    exclude=st.sets(KEYS, max_size=30),
    share=st.sampled_from([0.2, 0.7, 1.0]),
    limit=st.integers(0, 8),
    favourite=st.sampled_from(["", "a", "unheard of"]),
    per_category=st.sampled_from([None, 1, 2]),
)
def test_a_batch_is_recommended_what_each_would_be_on_paper(
    seed: int,
    recents: list[list[tuple[int, float]]],
    strategy: Strategy,
    exclude: set[int],
    share: float,
    limit: int,
    favourite: str,
    per_category: int | None,
) -> None:
    shop = random_model(seed=seed, count=70)
    allowed = np.random.default_rng(seed).random(70) < share

    found = recommend_all(
        shop,
        [Ask(recent, strategy, exclude, favourite) for recent in recents],
        allowed=allowed,
        limit=limit,
        per_category=per_category,
    )

    for recent, recommended in zip(recents, found, strict=True):
        assert recommended == recommend_plainly(
            shop,
            recent=recent,
            strategy=strategy,
            exclude=exclude,
            allowed=allowed.tolist(),
            limit=limit,
            favourite_category=favourite,
            per_category=per_category,
        )
