"""The field catalogue and the pages of the fits in a real browser, on a desk and on a phone."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from personalization import traits
from personalization.models import Field, SeenProperty, Source, TraitModel
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import orders, people, product
from tests.personalization.ground import real_commits
from tests.personalization.trait_worlds import all_happened

__all__ = ["real_commits"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("real_commits"),
]
LIST = reverse("admin:personalization_field_changelist")


@pytest.fixture
def fits(real_commits: None) -> dict[str, int]:
    """Who buys often, and who came once; a source that tells more than anybody registered."""
    now = timezone.now()
    shirt = product(1)
    source = Source.objects.create(slug="web", name="Website")
    for name, type_ in (("shoe_size", "number"), ("Favourite colour", "text")):
        SeenProperty.objects.create(
            source=source, name=name, type=type_, is_kept=False, count=1204,
            first_seen_at=now, last_seen_at=now,
        )  # fmt: skip
    found = list(enumerate(people(120, at=now), start=1))
    bought = [
        (subject, now - timedelta(days=29 * month + number % 13))
        for number, subject in found
        for month in range(1, 2 + (number % 3) * 4)
    ]
    orders(bought, items=[shirt])
    views = [(subject.pk, now - timedelta(days=number)) for number, subject in found]
    all_happened("Product Viewed", views)
    Field.objects.create(
        kind="traits", name="views_30", label="Views of a month", type="number",
        purpose_id="profiling",
        definition={"event": "Product Viewed", "function": "count", "property": "", "days": 30},
    )  # fmt: skip
    traits.compute(now=now)
    return {row.name: row.pk for row in TraitModel.objects.all()}


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", ["list", "add", "rfm", "lifetime"])
def test_the_pages_fit_their_screen_without_a_fault(
    open_as: Open, fits: dict[str, int], live_server: LiveServer, width: int, name: str
) -> None:
    addresses = {"list": LIST, "add": reverse("admin:personalization_field_add")}
    if name in fits:
        addresses[name] = reverse("admin:personalization_traitmodel_change", args=[fits[name]])

    page = open_as("admin", reverse("admin:index"), width=width)
    page.wait_for_load_state("networkidle")
    faults = Faults(page, home=live_server.url)
    page.goto(addresses[name])
    page.wait_for_load_state("networkidle")

    expect(page.locator("#content, main").first).to_be_visible()
    assert overflow(page) <= 0
    assert faults.found == []


def test_an_unknown_attribute_is_registered_by_its_link(
    open_as: Open, fits: dict[str, int]
) -> None:
    page = open_as("admin", LIST)

    page.get_by_role("link", name="Register shoe_size").click()
    page.get_by_label("Purpose").select_option("email_marketing")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("link", name="Register shoe_size")).to_have_count(0)
    field = Field.objects.get(name="shoe_size")
    assert (field.kind, field.type, field.label) == ("attributes", "number", "Shoe size")
