"""The editors in a real browser: with the mouse, with the keyboard, on a desk and on a phone."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from personalization.models import (
    ContentBlock,
    RuleSet,
    RuleSetVersion,
    Segment,
)
from personalization.rules.publish import publisher
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import person
from tests.personalization.factories import FRENCH, block, rule, ruleset, segment, table

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def address(thing: Segment | RuleSet | ContentBlock) -> str:
    return reverse(f"admin:personalization_{thing._meta.model_name}_change", args=[thing.pk])


@pytest.fixture
def customers(transactional_db: None) -> None:
    for number, country in enumerate(("DE", "DE", "FR")):
        person(number, country=country)


def two_rules() -> RuleSet:
    block()
    made = ruleset()
    content = table(rule(), rule("french", condition=FRENCH, place=2))
    draft = publisher.save_draft(made, content=content)
    publisher.put_live(draft, now=draft.created_at)
    return RuleSet.objects.get(pk=made.pk)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state()
    expect(page.get_by_text("Saved as draft")).to_be_visible()


def test_rules_change_places_by_keyboard_and_by_button_and_keep_their_order(open_as: Open) -> None:
    rules = two_rules()
    page = open_as("marketer", address(rules))
    names = page.get_by_label("Name of the rule")

    page.get_by_role("button", name="Move this rule").first.focus()
    page.keyboard.press("ArrowDown")
    expect(names.first).to_have_value("French")
    page.get_by_role("button", name="Move down").first.click()
    expect(names.first).to_have_value("Germans")
    page.get_by_role("button", name="Move up").nth(1).click()
    save(page)

    content = RuleSetVersion.objects.get(of=rules, state="draft").content
    assert [each["key"] for each in content["rules"]] == ["french", "germans"]
    assert [each["priority"] for each in content["rules"]] == [1, 2]


def test_rules_are_dragged_by_their_handle(open_as: Open) -> None:
    rules = two_rules()
    page = open_as("marketer", address(rules))

    handles = page.get_by_role("button", name="Move this rule")
    handles.nth(1).drag_to(page.locator(".at-rule").first)

    expect(page.get_by_label("Name of the rule").first).to_have_value("French")


@pytest.mark.usefixtures("customers")
def test_a_rule_is_added_told_and_saved(open_as: Open) -> None:
    rules = two_rules()
    page = open_as("marketer", address(rules))

    page.get_by_role("button", name="Add a rule").click()
    page.keyboard.type("Everybody in Berlin")
    card = page.locator(".at-rule").nth(2)
    card.get_by_role("button", name="Condition", exact=True).click()
    page.keyboard.type("city")
    page.keyboard.press("Enter")
    card.get_by_label("value", exact=True).fill("Berlin")
    expect(card.get_by_text("Customers whose city is “Berlin”.")).to_be_visible()
    expect(card.locator(".at-reach strong")).to_have_text("3 customers")
    card.get_by_label("Variant").select_option("general")
    save(page)

    added = RuleSetVersion.objects.get(of=rules, state="draft").content["rules"][2]
    assert added["name"] == "Everybody in Berlin"
    assert added["outcome"] == {"block": "hero", "variant": "general"}
    assert added["condition"] == {
        "all": [{"field": "attributes.city", "op": "eq", "value": "Berlin"}]
    }


def test_a_rule_without_a_name_is_marked_and_what_was_typed_stays(open_as: Open) -> None:
    rules = two_rules()
    page = open_as("marketer", address(rules))

    page.get_by_label("Name of the rule").nth(1).fill("")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state()

    expect(page.locator(".at-wrong").get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label("Name of the rule")).to_have_count(2)


def test_an_analyst_sees_the_table_and_changes_nothing(open_as: Open) -> None:
    page = open_as("analyst", address(two_rules()))

    expect(page.get_by_label("Name of the rule").first).to_be_disabled()
    expect(page.get_by_role("button", name="Add a rule")).to_have_count(0)
    expect(page.get_by_role("button", name="Save draft")).to_have_count(0)


def test_a_block_is_previewed_in_a_frame_that_runs_nothing(open_as: Open) -> None:
    made = block()
    page = open_as("marketer", address(made))

    page.get_by_label("HTML").first.fill(
        "<p>Hello {{ customer.first_name }}</p><script>document.body.textContent='ran'</script>"
    )
    frame = page.frame_locator("iframe").first

    expect(frame.get_by_text("Hello Anna")).to_be_visible()
    assert page.locator("iframe").first.get_attribute("sandbox") == ""


def test_a_fault_in_a_block_marks_its_line(open_as: Open) -> None:
    page = open_as("marketer", address(block()))

    page.get_by_label("HTML").first.fill("<p>\n{{ nobody }}\n</p>")

    expect(page.locator(".at-line-wrong").first).to_have_text("2")
    expect(page.get_by_text(re.compile("Line 2, column 4"))).to_be_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_editor_fits_its_window(open_as: Open, width: int) -> None:
    rules = two_rules()
    page = open_as("admin", address(rules), width=width)
    page.wait_for_load_state("networkidle")
    faults = Faults(page, home=page.url.split("/admin")[0])

    for thing in (rules, ContentBlock.objects.get(), segment()):
        page.goto(address(thing))
        for _ in range(page.get_by_role("button", name="Edit condition").count()):
            page.get_by_role("button", name="Edit condition").first.click()
        page.wait_for_load_state("networkidle")
        assert overflow(page) == 0, thing

    assert faults.found == []
