"""VMIS-kNN: by hand on four visits, against the plain definition, and on published clicks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import next_click
from personalization.recommendations import vmis
from personalization.recommendations.vmis import Sessions
from tests import public_data


def index(visits: list[list[int]], *, item_count: int, most: int = 100) -> Sessions:
    """Visits in the order they happened."""
    rows = [(number, item) for number, items in enumerate(visits) for item in items]
    numbers = np.array([number for number, _ in rows], dtype=np.int64)
    return vmis.fit(
        numbers,
        items=np.array([item for _, item in rows], dtype=np.int64),
        times=numbers.astype(np.float64),
        item_count=item_count,
        most=most,
    )


def scores(sessions: Sessions, clicks: list[int], *, m: int, k: int) -> dict[int, float]:
    items, found = vmis.score(sessions, clicks=clicks, m=m, k=k)
    return dict(zip(items.tolist(), found.tolist(), strict=True))


def plainly(
    visits: list[list[int]], clicks: list[int], *, item_count: int, m: int, k: int
) -> dict[int, float]:
    """The definition of the paper, a visit and an item at a time."""
    newest = list(dict.fromkeys(clicks))
    alike: dict[int, float] = {}
    for place, item in enumerate(newest):
        for number, visit in enumerate(visits):
            if item in visit:
                alike[number] = alike.get(number, 0.0) + (len(newest) - place) / len(newest)
    latest = sorted(alike, reverse=True)[:m]
    best = sorted(latest, key=lambda number: (-alike[number], -number))[:k]
    found: dict[int, float] = {}
    for number in best:
        first = next(n for n, item in enumerate(newest, start=1) if item in visits[number])
        for item in set(visits[number]):
            often = sum(item in visit for visit in visits)
            rarity = math.log(len(visits) / often)
            found[item] = found.get(item, 0.0) + alike[number] * (1 - 0.1 * first) * rarity
    return found


def test_an_item_scores_by_the_visits_that_share_the_click() -> None:
    sessions = index([[0, 1], [0, 2], [3], [0, 1]], item_count=4)

    found = scores(sessions, [0], m=10, k=10)

    assert found == pytest.approx(
        {0: 3 * 0.9 * math.log(4 / 3), 1: 2 * 0.9 * math.log(2), 2: 0.9 * math.log(4)}, rel=1e-5
    )


def test_nothing_clicked_and_nothing_known_give_nothing() -> None:
    sessions = index([[0, 1]], item_count=3)

    assert scores(sessions, [], m=5, k=5) == {}
    assert scores(sessions, [2], m=5, k=5) == {}
    assert scores(vmis.no_sessions(item_count=3), [1], m=5, k=5) == {}


VISITS = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    visits=VISITS,
    clicks=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    m=st.integers(1, 12),
    k=st.integers(1, 12),
)
def test_scores_equal_the_plain_definition(
    visits: list[list[int]], clicks: list[int], m: int, k: int
) -> None:
    found = scores(index(visits, item_count=7), clicks, m=m, k=k)

    expected = plainly(visits, clicks, item_count=7, m=m, k=k)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("setting", next_click.SETTINGS)
def test_the_mean_reciprocal_rank_is_the_one_serenade_publishes(
    setting: next_click.Setting,
) -> None:
    clicks = next_click.read(public_data.file("serenade_example.zip"))

    found = next_click.measure(clicks, setting)

    assert found.count == 931
    assert found.reciprocal_rank == pytest.approx(setting.published, abs=0.003)
