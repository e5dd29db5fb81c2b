"""The condition builder with the keyboard alone."""

import pytest
from playwright.sync_api import expect

from tests.browser import Open
from tests.personalization.factories import FRENCH, GERMANS
from tests.personalization.test_pages_builder import opened, pick, row, tree_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def test_a_condition_is_built_and_moved_with_the_keyboard_alone(open_as: Open) -> None:
    page = opened(open_as, GERMANS)
    page.locator(".at-grip").focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Condition about")).to_be_focused()
    page.locator(".at-canvas .at-add").first.focus()
    page.keyboard.press("Enter")
    pick(page, "city")
    expect(page.get_by_label("value", exact=True).nth(1)).to_be_focused()
    page.keyboard.type("Berlin")
    page.keyboard.press("Escape")
    expect(row(page, 1).locator(".at-grip")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(row(page, 0).locator(".at-grip")).to_be_focused()
    assert [each["field"] for each in tree_of(page)["all"]] == [
        "attributes.city",
        "attributes.country",
    ]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")

    assert tree_of(page) == {
        "all": [{"field": "attributes.city", "op": "eq", "value": "Berlin"}]
    } or tree_of(page) == {"field": "attributes.city", "op": "eq", "value": "Berlin"}
    expect(row(page, 0).locator(".at-grip")).to_be_focused()


def test_one_grip_is_in_the_tab_order_and_arrows_go_to_the_others(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"any": [FRENCH, GERMANS]}]})
    grips = page.locator(".at-grip")

    expect(page.locator('.at-grip[tabindex="0"]')).to_have_count(1)
    grips.first.focus()
    page.keyboard.press("End")
    expect(grips.nth(3)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(grips.nth(1)).to_be_focused()
    expect(page.locator('.at-grip[tabindex="0"]')).to_have_count(1)


def test_keys_carry_a_condition_into_a_group_and_out_again(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"any": [FRENCH]}]})

    row(page, 0).locator(".at-grip").focus()
    page.keyboard.press("Alt+ArrowDown")
    assert tree_of(page) == {"all": [{"any": [GERMANS, FRENCH]}]}
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")

    assert tree_of(page) == {"all": [{"any": [FRENCH]}, GERMANS]}
    expect(row(page, 1).locator(".at-grip")).to_be_focused()
