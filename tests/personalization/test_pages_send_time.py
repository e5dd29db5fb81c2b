"""Slots, keys and clients in a real browser: made, shown once, fitting a desk and a phone."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, PHONE, Open, overflow
from tests.personalization.decision_support import slot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("ATTUNE_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_an_oauth_client_is_made_and_its_secret_shown_once(open_as: Open, width: int) -> None:
    page = open_as("admin", reverse("admin:consent_oauthclient_add"), width=width)
    page.locator("#id_name").fill("The mail provider")
    page.get_by_label("Ask for content").check()
    shot(page, f"oauth-form-{width}")
    assert overflow(page) == 0

    page.get_by_role("button", name="Make the OAuth client").click()

    expect(page.get_by_text("The client The mail provider")).to_be_visible()
    expect(page.get_by_text("Client secret")).to_be_visible()
    shot(page, f"oauth-made-{width}")
    assert overflow(page) == 0
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_text("The mail provider")).to_be_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_slot_shows_the_call_that_a_provider_makes(open_as: Open, width: int) -> None:
    made = slot(is_default=True)
    page = open_as(
        "marketer", reverse("admin:personalization_sendtimeslot_changelist"), width=width
    )
    expect(page.get_by_text("/api/v1/personalize/hero")).to_be_visible()
    shot(page, f"slots-{width}")
    assert overflow(page) == 0

    page.goto(reverse("admin:personalization_sendtimeslot_change", args=[made.pk]))

    expect(page.get_by_text("external_id=C-1001")).to_be_visible()
    shot(page, f"slot-{width}")
    assert overflow(page) == 0
