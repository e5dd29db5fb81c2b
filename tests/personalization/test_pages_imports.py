"""The pages of an import in a browser: they fit, work and load nothing from elsewhere."""

from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings

from personalization import tasks
from personalization.importing import product_rows, product_store
from personalization.models import ImportRun, Product
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.personalization.test_admin_imports import PEOPLE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
ADD = reverse("admin:personalization_importrun_add")


def fits(page: Page) -> None:
    assert overflow(page) == 0, page.url


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_file_is_loaded_and_undone_by_hand(
    open_as: Open, settings: Settings, tmp_path: Path, width: int
) -> None:
    settings.ATTUNE_VAR = tmp_path
    file = tmp_path / "kunden.csv"
    file.write_bytes(PEOPLE)
    page = open_as("marketer", ADD, width=width)
    faults = Faults(page, home=page.url.split("/admin")[0])

    page.get_by_role("textbox", name="Another place").fill("shop")
    page.get_by_label("File", exact=True).set_input_files(file)
    fits(page)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("Ort is our")).to_have_value("city")
    fits(page)
    page.get_by_role("button", name="Check the whole file").click()

    run = ImportRun.objects.get()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    fits(page)
    tasks.work_on_import(run.pk, "check")
    expect(page.get_by_role("button", name="Load 1 row")).to_be_visible()
    fits(page)

    page.get_by_role("button", name="Load 1 row").click()
    tasks.work_on_import(run.pk, "load")
    expect(page.get_by_role("link", name="Undo this import")).to_be_visible()
    fits(page)

    page.get_by_role("link", name="Undo this import").click()
    expect(page.get_by_role("button", name="Undo 1 row")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Undo 1 row").click()
    tasks.work_on_import(run.pk, "undo")
    expect(page.get_by_role("heading", name="Undone")).to_be_visible()
    fits(page)
    assert faults.found == []


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_lists_keys_and_price_history_fit(open_as: Open, width: int) -> None:
    boots = {"product_id": "b", "name": "Boots", "price": 80, "currency": "EUR", "stock": 4}
    for price in (80, 70, 75):
        row = product_rows.read({**boots, "price": price})
        product_store.save([row], now=timezone.now())
    change = reverse("admin:personalization_product_change", args=[Product.objects.get().pk])

    for url in (
        reverse("admin:personalization_importrun_changelist"),
        reverse("admin:consent_apikey_changelist"),
        reverse("admin:consent_apikey_add"),
        change,
    ):
        fits(open_as("admin", url, width=width))
