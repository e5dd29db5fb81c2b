"""Languages of a content block in a real browser: added, written, missing, refused, compared."""

import re
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from personalization.content import blocks
from personalization.models import ContentBlock, ContentBlockVersion
from tests.browser import DESKTOP, PHONE, Open, overflow
from tests.consent.people import NOON
from tests.personalization.factories import block

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def address(made: ContentBlock) -> str:
    return reverse("admin:personalization_contentblock_change", args=[made.pk])


def in_spanish(made: ContentBlock) -> ContentBlock:
    """One of two variants is in Spanish, too."""
    assert made.live is not None
    vip, general = made.live.content["variants"]
    spanish = {"language": "es", "name": "Clientes", "html": "<p>Gracias</p>", "text": "Gracias"}
    content: dict[str, Any] = {
        **made.live.content, "language": "en",
        "variants": [{**vip, "languages": [spanish]}, general],
    }  # fmt: skip
    blocks.publisher.publish(made, content=content, now=NOON)
    return made


def add(page: Page, language: str) -> None:
    page.get_by_label("Add a language").fill(language)
    page.get_by_role("button", name="Add", exact=True).click()


def test_a_language_is_added_written_previewed_and_saved(open_as: Open) -> None:
    made = block()
    page = open_as("marketer", address(made))
    vip = page.get_by_label("Variant vip", exact=True)

    add(page, "German")
    expect(page.get_by_label("Language of the default")).to_have_value("en")
    vip.get_by_role("button", name="Write it in German").click()
    expect(vip.get_by_text("Still the words of the default")).to_be_visible()
    vip.get_by_label("HTML").fill("<p>Danke {{ customer.first_name }}</p>")
    vip.get_by_label("Text", exact=True).fill("Danke")
    vip.get_by_label("Name in German").fill("Beste Kunden")
    expect(vip.get_by_text("Still the words of the default")).to_be_hidden()
    expect(vip.frame_locator("iframe").get_by_text("Danke Anna")).to_be_visible()
    expect(
        page.get_by_label("Languages", exact=True).get_by_text("1 of 2 variants")
    ).to_be_visible()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Saved as draft")).to_be_visible()

    saved = ContentBlockVersion.objects.get(of=made, state="draft").content
    assert saved["language"] == "en"
    assert saved["variants"][0]["languages"] == [
        {"language": "de", "name": "Beste Kunden", "text": "Danke",
         "html": "<p>Danke {{ customer.first_name }}</p>"}
    ]  # fmt: skip
    assert "languages" not in saved["variants"][1]


def test_a_missing_language_is_shown_and_one_can_be_removed(open_as: Open) -> None:
    made = in_spanish(block())
    page = open_as("marketer", address(made))
    vip, general = (page.get_by_label(f"Variant {key}", exact=True) for key in ("vip", "general"))

    expect(general.get_by_role("button", name="Spanish, no text yet")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(general.get_by_text("No text in Spanish yet")).to_be_visible()
    expect(vip.get_by_label("Text", exact=True)).to_have_value("Gracias")
    vip.get_by_role("button", name="Remove Spanish").click()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Saved as draft")).to_be_visible()

    saved = ContentBlockVersion.objects.get(of=made, state="draft").content
    assert not any("languages" in variant for variant in saved["variants"])


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("Klingon", "is no language we know"), ("es", "Spanish is there already"),
        ("English", "English is there already"), ("", "Say which language"),
    ],
)  # fmt: skip
def test_what_is_no_new_language_is_said_at_once(open_as: Open, typed: str, says: str) -> None:
    page = open_as("marketer", address(in_spanish(block())))

    add(page, typed)

    expect(page.get_by_label("Languages", exact=True).get_by_role("status")).to_contain_text(says)


def test_a_fault_opens_the_language_it_is_in(open_as: Open) -> None:
    page = open_as("marketer", address(in_spanish(block())))
    vip = page.get_by_label("Variant vip", exact=True)
    vip.get_by_role("button", name="Spanish", exact=True).click()
    vip.get_by_label("Text", exact=True).fill("")

    page.get_by_role("button", name="Save draft").click()

    expect(vip.get_by_text("“text” is empty in Spanish")).to_be_visible()
    expect(vip.get_by_label("Name in Spanish")).to_have_value("Clientes")


def test_versions_are_compared_language_by_language(open_as: Open) -> None:
    made = in_spanish(block())

    page = open_as("marketer", address(made).replace("/change/", "/compare/?before=1&after=2"))

    expect(page.get_by_text("Variant “vip” in Spanish", exact=False).first).to_be_visible()
    expect(page.get_by_text(re.compile("Gracias")).first).to_be_visible()


def test_an_analyst_reads_every_language_and_changes_none(open_as: Open) -> None:
    page = open_as("analyst", address(in_spanish(block())))

    page.get_by_role("button", name="Show", exact=True).click()

    expect(page.get_by_label("Text", exact=True).first).to_have_value("Gracias")
    expect(page.get_by_label("Add a language")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Write it in|Remove Spanish"))).to_have_count(
        0
    )


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_languages_fit_the_window(open_as: Open, width: int) -> None:
    page = open_as("marketer", address(in_spanish(block())), width=width)

    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_load_state("networkidle")

    assert overflow(page) == 0
