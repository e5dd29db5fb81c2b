"""Chains and parameters: what is refused and where, what a recipe makes of it, what is kept."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from personalization.models import RecommendationChain, RecommendationModel
from personalization.recommendations import chains, retention, shelf
from personalization.recommendations.recipe import Chain, recipe
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.versions import ContentInvalid
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db

STEPS = [{"strategy": "new", "parameters": {"within_days": 7}}, {"strategy": "trending"}]


def published(slug: str, content: dict[str, Any]) -> RecommendationChain:
    chain = RecommendationChain.objects.create(slug=slug, name=slug)
    chains.publisher.publish(chain, content=content, now=NOON)
    return chain


@pytest.mark.parametrize(
    ("strategy", "parameters", "path"),
    [
        ("", {}, None),
        ("popular", {"limit": 3, "price_from": 1.5, "categories": ["Tea"]}, None),
        ("new", {"within_days": 7}, None),
        ("nonsense", {}, "strategy"),
        ("popular", {"within_days": 7}, "parameters.within_days"),
        ("popular", [], "parameters"),
        ("popular", {"limit": 0}, "parameters.limit"),
        ("popular", {"limit": True}, "parameters.limit"),
        ("popular", {"limit": 2.5}, "parameters.limit"),
        ("popular", {"price_from": "5"}, "parameters.price_from"),
        ("popular", {"price_from": float("nan")}, "parameters.price_from"),
        ("popular", {"price_from": 9, "price_to": 5}, "parameters.price_to"),
        ("popular", {"categories": []}, "parameters.categories"),
        ("popular", {"brands": "Acme"}, "parameters.brands"),
        ("popular_here", {"place": "planet"}, "parameters.place"),
    ],
)
def test_a_fault_in_a_choice_is_named_with_its_place(
    strategy: str, parameters: object, path: str | None
) -> None:
    found = chains.validate_parameters(strategy, parameters)

    assert [problem.path for problem in found] == ([path] if path else [])


def test_a_live_chain_can_be_named_and_its_steps_come_first() -> None:
    published("reminder", {"steps": STEPS, "parameters": {"price_to": 20, "limit": 2}})

    assert chains.validate_parameters("reminder", {"limit": 5}) == []
    assert chains.labels()["reminder"] == "Chain: reminder"
    made = recipe("reminder", {"limit": 5}, chains=shelf.chains())
    assert [step.strategy.name for step in made.steps] == [
        *("new", "trending", "popular_in_category", "popular_here", "popular", "range"),
    ]
    assert made.steps[0].options == {"within_days": 7}
    assert (made.constraints.price_to, made.limit, made.version) == (20.0, 5, 1)


def test_an_unknown_strategy_is_served_as_the_default_one() -> None:
    assert recipe("taken away").name == recipe("").name == "because_you_bought"


def test_every_recipe_has_a_step_that_has_everything() -> None:
    for name in STRATEGIES:
        assert "range" in {step.strategy.name for step in recipe(name).steps}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"steps": []}, "steps"),
        ({"steps": "new"}, "steps"),
        ({"steps": [{"strategy": "new"}], "more": 1}, "more"),
        ({"steps": [{"strategy": "nonsense"}]}, "steps[0].strategy"),
        ({"steps": ["new"]}, "steps[0]"),
        ({"steps": [{"strategy": ["new"]}]}, "steps[0].strategy"),
        ({"steps": [{"strategy": "new"}, {"strategy": "new"}]}, "steps[1]"),
        (
            {"steps": [{"strategy": "new", "parameters": {"within_days": 0}}]},
            "steps[0].parameters.within_days",
        ),
        ({"steps": STEPS, "parameters": {"limit": "2"}}, "parameters.limit"),
    ],
)
def test_a_faulty_chain_cannot_be_saved(content: dict[str, Any], path: str) -> None:
    chain = RecommendationChain.objects.create(slug="mine", name="Mine")

    with pytest.raises(ContentInvalid) as refused:
        chains.publisher.save_draft(chain, content=content)

    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_chain_cannot_have_the_name_of_a_strategy() -> None:
    with pytest.raises(ContentInvalid, match="name of a strategy"):
        published("popular", {"steps": STEPS})


def test_a_parameter_of_the_rule_outdoes_the_one_of_the_chain() -> None:
    chain = Chain("mine", 3, {"steps": STEPS, "parameters": {"price_to": 20, "per_brand": 1}})

    made = recipe("mine", {"price_to": 9}, chains={"mine": chain})

    assert (made.constraints.price_to, made.per_brand) == (9.0, 1)


def test_models_go_when_no_kept_receipt_can_name_them(settings: Settings) -> None:
    settings.ATTUNE_RECEIPT_DAYS = 90
    for number, days in ((1, 200), (2, 100), (3, 40), (4, 1)):
        RecommendationModel.objects.create(
            number=number,
            trained_at=NOON - timedelta(days=days),
            is_live=number == 4,
            payload=b"",
        )

    assert retention.forget_old(now=NOON) == 1
    # The second decided until forty days ago.
    assert set(RecommendationModel.objects.values_list("number", flat=True)) == {2, 3, 4}
