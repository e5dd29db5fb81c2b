"""Training from real tables, and serving what was trained."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from consent import ledger
from consent.models import DataSubject, Job
from personalization.models import EventItem, Product, RecommendationModel
from personalization.recommendations import purchases, shelf, train
from personalization.recommendations.constraints import Constraints, allowed
from personalization.recommendations.recipe import recipe
from personalization.recommendations.serve import Ask, recommend
from personalization.recommendations.strategies.registry import STRATEGIES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_models(settings: Settings, tmp_path: Path) -> None:
    settings.ATTUNE_VAR = tmp_path
    shelf.forget()


def person(*, profiling: bool = True) -> DataSubject:
    subject = DataSubject.objects.create()
    if profiling:
        at = NOW - timedelta(days=400)
        ledger.grant(subject, purpose="profiling", source="test", at=at)
    return subject


def product(name: str, *, category: str = "Tea", in_stock: bool = True) -> Product:
    return Product.objects.create(
        product_id=name,
        name=name,
        category=category,
        price=Decimal("2.50"),
        currency="USD",
        in_stock=in_stock,
    )


def buy(subject: DataSubject, *products: Product, days_ago: float, order: int) -> None:
    EventItem.objects.bulk_create(
        EventItem(
            event_id=order,
            line=line,
            occurred_at=NOW - timedelta(days=days_ago),
            profile_id=subject.pk,
            name="Order Completed",
            product_id=bought.pk,
            quantity=1,
            price=bought.price,
        )
        for line, bought in enumerate(products)
    )


def tea_and_milk() -> tuple[Product, Product, Product]:
    """Tea goes with milk, and nobody buys the third product with either."""
    tea, milk, nails = product("tea"), product("milk", category="Dairy"), product("nails")
    buyer = person()
    for order in range(8):
        buy(buyer, tea, milk, days_ago=1 + order, order=order)
    for order in range(8, 30):
        buy(buyer, nails, days_ago=1, order=order)
    return tea, milk, nails


def test_a_trained_model_recommends_what_goes_with_a_purchase() -> None:
    tea, milk, _ = tea_and_milk()

    stored = train.train(now=NOW)

    found = shelf.live(now=NOW)
    assert found.number == stored.number
    ask = Ask(recipe("because_you_bought"), bought=[(tea.pk, 1.0)])
    best, *_ = recommend(found.model, found.catalogue, ask, limit=1)
    assert (best.product_id, best.because_of) == (milk.pk, tea.pk)


def test_purchases_of_people_who_do_not_allow_profiling_are_not_read() -> None:
    tea = product("tea")
    allowing = person()
    buy(allowing, tea, days_ago=3.5, order=1)
    buy(person(profiling=False), tea, days_ago=3, order=2)

    found = purchases.read(now=NOW)

    assert found.orders.tolist() == [1]
    assert found.people.tolist() == [allowing.pk]
    assert found.products.tolist() == [tea.pk]
    assert found.days.tolist() == [3]


def test_no_purchases_at_all_still_give_a_model_that_serves() -> None:
    only = product("only")

    stored = train.train(now=NOW)

    found = shelf.live(now=NOW)
    assert stored.metrics["cases"] == 0
    assert stored.metrics["hit_rate_20"] is None
    served = recommend(found.model, found.catalogue, Ask(recipe()), limit=4)
    assert [item.product_id for item in served] == [only.pk]


def test_a_second_training_takes_over_and_is_served_at_once() -> None:
    tea_and_milk()
    train.train(now=NOW)
    shelf.live(now=NOW)

    train.train(now=NOW + timedelta(hours=1))

    found = shelf.live(now=NOW)
    assert found.number == 2
    assert list(RecommendationModel.objects.filter(is_live=True).values_list("number")) == [(2,)]


def test_before_the_first_training_the_catalogue_alone_is_on_the_shelf() -> None:
    tea, _ = product("tea"), product("milk", in_stock=False)

    found = shelf.live(now=NOW)

    served = recommend(found.model, found.catalogue, Ask(recipe()), limit=4)
    assert found.number is None
    assert [(item.product_id, item.strategy) for item in served] == [(tea.pk, "range")]


def test_stock_is_read_again_after_a_minute_and_otherwise_costs_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    tea, _, _ = tea_and_milk()
    train.train(now=NOW)
    shelf.live(now=NOW)
    Product.objects.filter(pk=tea.pk).update(in_stock=False)

    with django_assert_num_queries(1):
        before = shelf.live(now=NOW + timedelta(seconds=59))
    after = shelf.live(now=NOW + timedelta(seconds=60))

    assert before.catalogue.is_in_stock.all()
    assert np.count_nonzero(after.catalogue.is_in_stock) == 2


def test_a_sensitive_product_is_neither_recommended_nor_a_reason() -> None:
    tea, milk, nails = tea_and_milk()
    Product.objects.filter(pk=milk.pk).update(is_sensitive=True)
    train.train(now=NOW)
    found = shelf.live(now=NOW)

    def recommended(item: Product, strategy: str) -> dict[int, int | None]:
        past = [(item.pk, 20.0)]
        ask = Ask(recipe(strategy), bought=past, viewed=past)
        items = recommend(found.model, found.catalogue, ask, limit=3)
        return {item.product_id: item.because_of for item in items}

    for strategy in STRATEGIES:
        assert set(recommended(tea, strategy)) == {tea.pk, nails.pk}
        assert recommended(milk, strategy) == {tea.pk: None, nails.pk: None}


def test_what_came_after_the_training_is_new_in_the_shop_without_another_training() -> None:
    tea, milk, _ = tea_and_milk()
    Product.objects.update(added_at=NOW - timedelta(days=400))
    train.train(now=NOW)
    shelf.live(now=NOW)
    later = NOW + timedelta(days=3)
    fresh = product("fresh", category="Never heard of")
    Product.objects.filter(pk=fresh.pk).update(added_at=later - timedelta(days=1))

    found = shelf.live(now=later)

    (new,) = recommend(found.model, found.catalogue, Ask(recipe("new")), limit=1)
    assert (new.product_id, new.strategy, found.number) == (fresh.pk, "new", 1)
    # What is known of the others is still known, and the newcomer may stand in a history.
    past = [(fresh.pk, 0.5), (tea.pk, 1.0)]
    for strategy in ("because_you_bought", "because_you_viewed", "vmis", "buy_again"):
        ask = Ask(recipe(strategy), bought=past, viewed=past)
        assert recommend(found.model, found.catalogue, ask, limit=3)
    ask = Ask(recipe("because_you_bought"), bought=past)
    best, *_ = recommend(found.model, found.catalogue, ask, limit=1)
    assert (best.product_id, best.because_of) == (milk.pk, tea.pk)


def test_a_newcomer_is_new_for_thirty_days_also_without_another_training() -> None:
    tea_and_milk()
    Product.objects.update(added_at=NOW - timedelta(days=400))
    train.train(now=NOW)
    fresh = product("fresh", category="Dairy")
    Product.objects.filter(pk=fresh.pk).update(added_at=NOW)

    served = {}
    for days in (29, 31):
        found = shelf.live(now=NOW + timedelta(days=days))
        (item,) = recommend(found.model, found.catalogue, Ask(recipe("new")), limit=1)
        served[days] = (item.product_id == fresh.pk, item.strategy)

    assert served[29] == (True, "new")
    assert served[31][1] == "popular"


def test_a_product_deleted_since_the_training_is_not_allowed() -> None:
    tea, milk, nails = tea_and_milk()
    train.train(now=NOW)
    milk.delete()

    found = shelf.live(now=NOW)

    mask = allowed(found.catalogue, constraints=Constraints())
    assert found.model.product_ids[mask].tolist() == sorted([tea.pk, nails.pk])


def test_metrics_say_how_many_held_out_people_were_met() -> None:
    tea, milk, nails = tea_and_milk()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE personalization_eventitem SET occurred_at = occurred_at - interval '30 days'"
        )
    later = person()
    buy(later, tea, days_ago=20, order=100)
    buy(later, milk, days_ago=2, order=101)

    stored = train.train(now=NOW)

    assert stored.metrics["cases"] == 1
    assert stored.metrics["hit_rate_20"] == 1.0
    assert stored.metrics["lines"] == 16 + 22 + 2
    assert stored.metrics["products_with_neighbours"] == 2
    assert nails.pk


def test_the_command_runs_as_a_job_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    tea_and_milk()

    call_command("train_recommendations", "--json")

    figures = json.loads(capsys.readouterr().out)
    assert figures["number"] == 1
    assert figures["products"] == 3
    job = Job.objects.get(kind="train_recommendations")
    assert (job.state, job.percent) == (Job.State.DONE, 100)
