"""The pages of sources and of the quarantine in a real browser, on a desk and on a phone."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from personalization.models import InboxEvent, Source
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import people
from tests.personalization import incoming_scene

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
LIST = reverse("admin:personalization_source_changelist")
QUARANTINE = reverse("admin:personalization_inboxevent_changelist")


@pytest.fixture
def web(transactional_db: None) -> Source:
    now = timezone.now()
    made = incoming_scene.website(now=now, people=people(4))
    incoming_scene.neighbours(now=now)
    incoming_scene.faults(made, now=now)
    return made


def page_of(thing: Source | InboxEvent) -> str:
    return reverse(f"admin:personalization_{thing._meta.model_name}_change", args=[thing.pk])


def test_a_platform_is_chosen_with_the_keyboard_alone(open_as: Open, web: Source) -> None:
    page = open_as("marketer", page_of(web))

    page.get_by_role("tab", name="Website").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Segment (analytics-next)")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("AnalyticsBrowser.load")
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel")).to_contain_text("/pixel.gif?key=wk_")
    expect(page.get_by_role("tabpanel")).to_have_count(1)


def test_a_snippet_is_copied_with_the_key_in_it(open_as: Open, web: Source) -> None:
    page = open_as("marketer", page_of(web))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("tabpanel").get_by_role("button", name="Copy").click()

    expect(page.get_by_role("tabpanel").get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"/attune.js?key={web.write_key}" in copied
    assert copied.startswith("<script>")


def test_a_marketer_finds_a_fault_mends_it_and_it_is_gone(open_as: Open, web: Source) -> None:
    page = open_as("marketer", page_of(web))

    page.get_by_role("link", name="Event: is missing").first.click()
    expect(page.get_by_text("web-0-9f2c")).to_be_visible()
    page.goto(page_of(InboxEvent.objects.get(message_id="web-0-9f2c")))
    written = page.get_by_label("The event as JSON")
    written.fill(written.input_value().replace('"event": ""', '"event": "Product Viewed"'))
    page.get_by_role("button", name="Mend and replay").click()

    expect(page.get_by_text("is mended and applied now")).to_be_visible()
    assert InboxEvent.objects.get(message_id="web-0-9f2c").quarantined_at is None


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_of_sources_fits_its_window(open_as: Open, web: Source, width: int) -> None:
    page = open_as("admin", LIST, width=width)
    faults = Faults(page, home=page.url.split("/admin")[0])
    new = Source.objects.get(slug="app")
    shop = Source.objects.get(slug="shopify")
    row = InboxEvent.objects.exclude(quarantined_at=None).latest("id")

    for address in (LIST, page_of(web), page_of(new), page_of(shop), QUARANTINE, page_of(row)):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert overflow(page) == 0, address

    assert faults.found == []
