"""The pages of recommendations in a real browser: model, look at a customer, chain editor."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from consent.models import AuditEntry
from personalization.models import Product, RecommendationChain, RecommendationModel
from personalization.recommendations import chains, shelf, train
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import order, person
from tests.personalization.ground import real_commits
from tests.personalization.shop import products

__all__ = ["real_commits"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("real_commits"),
]
LOOK = reverse("admin:personalization_recommendationmodel_look")
CHAIN = {
    "steps": [{"strategy": "because_you_viewed"}, {"strategy": "trending"}],
    "parameters": {"price_to": 50, "per_category": 1},
}


@pytest.fixture
def shop(real_commits: None) -> dict[str, str]:
    """Tea goes with milk; a model is trained and measured; a chain is live."""
    now = timezone.now()
    tea, milk, soap, bread = products("Tea", "Milk", "Soap", "Bread")
    for number in range(1, 31):
        subject = person(number, at=now - timedelta(days=300))
        order(subject, tea, milk if number % 3 else soap, at=now - timedelta(days=40 + number))
        order(subject, bread if number % 2 else milk, at=now - timedelta(days=number % 20))
    Product.objects.filter(pk=soap.pk).update(is_banned=True)
    Product.objects.filter(pk=bread.pk).update(pin=1)
    train.train(now=now)
    call_command("evaluate_recommendations", "--tune", "--json")
    shelf.forget()
    chain = RecommendationChain.objects.create(slug="reminder", name="Cart reminder")
    chains.publisher.publish(chain, content=CHAIN, now=now)
    model = RecommendationModel.objects.get(is_live=True)
    return {
        "model": reverse("admin:personalization_recommendationmodel_change", args=[model.pk]),
        "models": reverse("admin:personalization_recommendationmodel_changelist"),
        "look": LOOK,
        "chain": reverse("admin:personalization_recommendationchain_change", args=[chain.pk]),
        "chains": reverse("admin:personalization_recommendationchain_changelist"),
    }


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", ["model", "models", "look", "chain", "chains"])
def test_the_pages_fit_their_screen_without_a_fault(
    open_as: Open, shop: dict[str, str], live_server: LiveServer, width: int, name: str
) -> None:
    page = open_as("marketer", "about:blank", width=width)
    faults = Faults(page, home=live_server.url)

    page.goto(shop[name])
    page.wait_for_load_state("networkidle")

    assert overflow(page) == 0
    assert faults.found == []


def test_a_look_at_a_customer_says_what_is_shown_and_why(
    open_as: Open, shop: dict[str, str]
) -> None:
    page = open_as("marketer", LOOK)

    page.get_by_label("Customer number").fill("C7")
    page.get_by_label("Strategy or chain").select_option("because_you_bought")
    page.get_by_role("button", name="Show").click()

    cards = page.locator(".at-picks li")
    expect(cards.first).to_be_visible()
    assert "Soap" not in page.locator(".at-picks").inner_text()
    assert "customer" not in page.url
    assert AuditEntry.objects.filter(action="personal_data.view").count() == 1


def test_a_chain_is_put_together_and_saved_as_a_draft(open_as: Open, shop: dict[str, str]) -> None:
    page = open_as("marketer", shop["chain"])

    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Step 3").select_option("new")
    page.get_by_label("New for days").fill("10")
    page.get_by_role("button", name="Earlier").nth(2).click()
    page.get_by_label("Margin from, %").fill("20")
    page.get_by_role("button", name="Save draft").click()

    expect(page.locator(".at-statebar")).to_contain_text("Draft v2")
    chain = RecommendationChain.objects.get()
    draft = chain.versions.get(number=2)
    assert draft.content == {
        "steps": [
            {"strategy": "because_you_viewed"},
            {"strategy": "new", "parameters": {"within_days": 10}},
            {"strategy": "trending"},
        ],
        "parameters": {"price_to": 50, "per_category": 1, "margin_from": 20},
    }
