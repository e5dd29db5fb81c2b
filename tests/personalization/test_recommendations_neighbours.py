"""Item-to-item lists: checked against the plain definition, and against time and length."""

import numpy as np
import pytest

from personalization.recommendations import neighbours
from personalization.recommendations.neighbours import FloatArray, Lines, Neighbours


def lines(*baskets: tuple[int, list[int]]) -> Lines:
    """Baskets as (age in days, items)."""
    rows = [(number, item, age) for number, (age, items) in enumerate(baskets) for item in items]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Lines(columns[:, 0], columns[:, 1], columns[:, 2])


def random_lines(*, baskets: int, items: int, seed: int) -> Lines:
    rng = np.random.default_rng(seed)
    count = baskets * 6
    numbers = rng.integers(0, baskets, count)
    ages = rng.integers(0, 200, baskets)
    popular = np.minimum(rng.geometric(0.08, count) - 1, items - 1)
    return Lines(numbers, popular, ages[numbers])


def of(found: Neighbours, *, item: int) -> list[int]:
    return [neighbour for neighbour in found.ids[item].tolist() if neighbour >= 0]


def dense_similarity(rows: Lines, *, item_count: int, half_life_days: float) -> np.ndarray:
    """The definition, written the slow way."""
    distinct = sorted(set(zip(rows.baskets.tolist(), rows.items.tolist(), strict=True)))
    ages = dict(zip(rows.baskets.tolist(), rows.days.tolist(), strict=True))
    matrix = np.zeros((max(ages) + 1, item_count))
    for basket, item in distinct:
        length = sum(other == basket for other, _ in distinct)
        matrix[basket, item] = 0.5 ** (ages[basket] / half_life_days) / np.sqrt(length)
    norms = np.linalg.norm(matrix, axis=0)
    matrix /= np.where(norms == 0, 1, norms)
    return matrix.T @ matrix


def popularity_of_distinct(rows: Lines, *, item_count: int) -> FloatArray:
    """Baskets of the last 28 days that hold the item, however many lines they have of it."""
    recent = rows.where(rows.days < 28)
    pairs = set(zip(recent.baskets.tolist(), recent.items.tolist(), strict=True))
    counts = np.zeros(item_count, dtype=np.float32)
    for _, item in pairs:
        counts[item] += 1
    return counts


def test_lists_equal_the_plain_definition() -> None:
    rows = random_lines(baskets=120, items=30, seed=4)

    found = neighbours.fit(rows, item_count=30, neighbour_count=29, min_count=1)

    expected = dense_similarity(rows, item_count=30, half_life_days=30)
    np.fill_diagonal(expected, 0)
    actual = np.zeros((30, 30))
    for item in range(30):
        for neighbour, score in zip(found.ids[item], found.scores[item], strict=True):
            if neighbour >= 0:
                actual[item, neighbour] = score
    assert np.count_nonzero(expected) > 300
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_lists_keep_the_best_by_similarity_and_some_popularity_never_the_item_itself() -> None:
    rows = random_lines(baskets=400, items=60, seed=5)

    found = neighbours.fit(rows, item_count=60, neighbour_count=8, min_count=1)

    similar = dense_similarity(rows, item_count=60, half_life_days=30)
    np.fill_diagonal(similar, 0)
    lifts = neighbours.lift(popularity_of_distinct(rows, item_count=60))
    ranked = similar * np.sqrt(lifts)
    for item in range(60):
        best = np.sort(ranked[item])[::-1][:8]
        kept = ranked[item][of(found, item=item)]
        np.testing.assert_allclose(kept, best[: len(kept)], rtol=1e-4)
        assert len(kept) == min(8, np.count_nonzero(ranked[item]))


def test_small_blocks_give_the_same_lists_as_one_big_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = random_lines(baskets=400, items=60, seed=6)
    whole = neighbours.fit(rows, item_count=60, neighbour_count=8)

    monkeypatch.setattr(neighbours, "BLOCK_WORK", 50)
    blocked = neighbours.fit(rows, item_count=60, neighbour_count=8)

    assert (whole.ids == blocked.ids).all()


def test_a_fresh_basket_outweighs_an_old_one() -> None:
    rows = lines((300, [0, 1]), (300, [0, 1]), (1, [0, 2]), (1, [2]), (1, [1]))

    found = neighbours.fit(rows, item_count=3, min_count=1)

    assert of(found, item=0) == [2, 1]


def test_a_short_basket_says_more_than_a_long_one() -> None:
    rows = lines((1, [0, 1]), (1, [0, 2, 3, 4, 5, 6, 7]))

    found = neighbours.fit(rows, item_count=8, min_count=1)

    assert of(found, item=0)[0] == 1


def test_items_bought_rarely_neither_have_nor_are_neighbours() -> None:
    rows = lines(*[(1, [0, 1])] * 5, *[(1, [0, 2])] * 4)

    found = neighbours.fit(rows, item_count=3, min_count=5)

    assert of(found, item=0) == [1]
    assert of(found, item=2) == []


def test_a_line_repeated_in_a_basket_counts_once() -> None:
    once = lines((1, [0, 1]), (1, [0, 2]), (1, [2]))
    repeated = lines((1, [0, 1, 1, 1]), (1, [0, 2]), (1, [2]))

    found = neighbours.fit(repeated, item_count=3, min_count=1)

    assert (found.scores == neighbours.fit(once, item_count=3, min_count=1).scores).all()


def test_a_huge_basket_is_cut_to_the_limit() -> None:
    rows = lines((1, list(range(500))))

    found = neighbours.fit(rows, item_count=500, neighbour_count=50, min_count=1, max_basket=20)

    assert np.count_nonzero((found.ids >= 0).any(axis=1)) == 20
    assert int((found.ids >= 0).sum(axis=1).max()) == 19


def test_no_purchases_give_empty_lists() -> None:
    found = neighbours.fit(lines(), item_count=3)

    assert (found.ids == -1).all()


def test_popularity_counts_the_window_only() -> None:
    rows = lines((0, [0, 1]), (27, [0]), (28, [0, 2]))

    found = neighbours.popularity(rows, item_count=4)

    assert found.tolist() == [2, 1, 0, 0]
