"""Offline figures: known answers on a story written by hand, windows that do not overlap."""

import json
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from benchmarks import next_basket
from personalization.models import Product, RecommendationModel
from personalization.recommendations import evaluate, evaluation, fitting, train
from personalization.recommendations.evaluate import Case, Measured
from personalization.recommendations.fitting import Goods, Story, Tuning, Visits
from personalization.recommendations.model import ALWAYS
from personalization.recommendations.neighbours import Lines
from tests import public_data
from tests.campaigns.factories import order, people
from tests.personalization.shop import products

CASE = Case(bought=((7, 1.0), (7, 9.0), (8, 9.0)), viewed=(), basket=frozenset({7, 1, 2}))


def asked(ranked: list[int], *, only_new: bool) -> Measured:
    return evaluate.measure(
        [CASE],
        lambda _, without: [item for item in ranked if item not in without],
        count=10,
        only_new=only_new,
    )


def test_figures_of_a_list_are_those_of_the_definition() -> None:
    found = asked([5, 1, 6, 2], only_new=True).summary()

    best = 1 / np.log2(2) + 1 / np.log2(3)
    gain = (1 / np.log2(3) + 1 / np.log2(5)) / best
    assert found == {
        "hr_20": 1.0, "mrr_20": 0.5, "ndcg_10": round(gain, 4), "coverage": 0.4,
    }  # fmt: skip


def test_what_was_bought_before_counts_only_among_all() -> None:
    assert asked([7], only_new=True).summary()["hr_20"] == 0.0
    assert asked([7], only_new=False).summary()["hr_20"] == 1.0


def test_a_hit_behind_the_twentieth_place_is_none() -> None:
    found = asked([*range(10, 30), 1], only_new=True).summary()

    assert (found["hr_20"], found["mrr_20"], found["ndcg_10"]) == (0.0, 0.0, 0.0)


def test_a_difference_of_equal_methods_is_nothing_and_of_others_is_not() -> None:
    coin = np.random.default_rng(1).integers(0, 2, 400).astype(np.float64)

    same = evaluate.difference(coin, coin, seed=3)
    mean, low, high = evaluate.difference(np.ones(400), coin, seed=3)

    assert same == (0.0, 0.0, 0.0)
    assert 0 < low < mean < high


def story_of(rows: list[tuple[int, int, int, int]]) -> Story:
    """Rows of (person, basket, item, age in days)."""
    person, basket, item, age = np.array(rows, dtype=np.int64).T
    none = np.zeros(0, dtype=np.int64)
    return Story(Lines(basket, item, age), person, Visits(none, none, none, none))


def test_windows_end_where_the_next_begins_and_only_the_first_basket_counts() -> None:
    story = story_of(
        [
            (1, 10, 0, 50),
            (1, 11, 1, 27),
            (1, 11, 2, 27),
            (1, 12, 3, 20),
            (1, 13, 4, 3),
            (2, 14, 5, 2),
        ]
    )

    validation = evaluate.split(story, held_out_days=28, until_days=14, most=9, seed=1)
    test = evaluate.split(story, held_out_days=14, most=9, seed=1)

    assert [case.basket for case in validation.cases] == [{1, 2}]
    assert [case.known for case in validation.cases] == [{0}]
    assert [case.basket for case in test.cases] == [{4}]
    assert test.cases[0].known == {0, 1, 2, 3}
    assert test.before.bought.days.tolist() == [36, 13, 13, 6]


def test_tuning_takes_what_meets_most_people_of_the_validation_split() -> None:
    rows = [(n, n, item, 300) for n in range(60) for item in (0, 1)]
    rows += [(n, 100 + n, item, 40) for n in range(60, 75) for item in (0, 2)]
    rows += [(n, 100 + n, 0, 40) for n in range(80, 90)]
    rows += [(n, 200 + n, 2, 10) for n in range(80, 90)]
    rows += [(n, 300 + n, 20 + item, 35) for n in range(90, 120) for item in range(25)]
    count = 50
    goods = Goods(
        product_ids=np.arange(count, dtype=np.int64),
        categories=np.full(count, -1, dtype=np.int32),
        category_names=(),
        brands=np.full(count, -1, dtype=np.int32),
        is_sensitive=np.zeros(count, dtype=np.bool_),
        ages=np.full(count, ALWAYS, dtype=np.float32),
    )
    split = evaluate.split(story_of(rows), held_out_days=28, most=99, seed=1)
    grid = (Tuning(neighbour_count=1), Tuning(neighbour_count=10))

    best, tried = evaluate.tune(goods, split, grid=grid, strategy="because_you_bought")

    assert best in grid
    assert dict(tried)[best] == max(rate for _, rate in tried)
    assert fitting.fit(goods, split.before, tuning=best).neighbours.ids.shape == (
        count,
        best.neighbour_count,
    )


@pytest.mark.django_db
def test_the_command_prints_what_it_keeps_with_the_live_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = timezone.now()
    items = products(*(f"Item {n}" for n in range(6)))
    for number, subject in enumerate(people(12)):
        order(subject, items[0], items[1 + number % 2], at=now - timedelta(days=60))
        order(subject, items[3 + number % 2], at=now - timedelta(days=5))
    train.train(now=now)

    call_command("evaluate_recommendations", "--json", "--tune")

    report = json.loads(capsys.readouterr().out)
    assert report["people"] == 12
    assert len(report["tried"]) == len(evaluation.GRID)
    assert {"because_you_bought", "baseline: own history"} <= set(report["tables"]["new"])
    kept = RecommendationModel.objects.get(is_live=True).metrics["evaluation"]
    assert kept["tables"] == report["tables"]
    call_command("evaluate_recommendations")
    assert "HR@20" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_empty_shop_is_said_to_have_nothing_to_measure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not Product.objects.exists()

    call_command("evaluate_recommendations")

    assert "nothing to measure" in capsys.readouterr().out
    with pytest.raises(CommandError, match="from 1 to 120"):
        call_command("evaluate_recommendations", "--days", "0")


@pytest.mark.prove
def test_new_purchases_on_real_invoices_are_met_beyond_popularity() -> None:
    goods, story = next_basket.read(public_data.file("online_retail.parquet"))
    validation = next_basket.split(story, is_validation=True)
    tuning, _ = evaluate.tune(goods, validation, grid=next_basket.GRID, strategy=next_basket.OURS)

    found = next_basket.measured(
        goods, next_basket.split(story, is_validation=False), tuning=tuning
    ).figures

    new, apart = found["new"], found["difference_new"]
    assert isinstance(new, dict)
    assert isinstance(apart, dict)
    assert new[next_basket.OURS]["hr_20"] >= 0.53
    assert apart["low"] > 0
