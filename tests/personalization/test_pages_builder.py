"""The condition builder in a real browser: by mouse, by keyboard, on a phone; nothing is lost."""

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from personalization.models import Segment, SegmentVersion
from tests.browser import PHONE, Faults, Open, overflow
from tests.campaigns.factories import person
from tests.personalization.factories import FRENCH, GERMANS, event, segment

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
EVERYBODY: dict[str, Any] = {"all": []}


def address(thing: Segment) -> str:
    return reverse("admin:personalization_segment_change", args=[thing.pk])


@pytest.fixture
def customers(transactional_db: None) -> None:
    for number, country in enumerate(("DE", "DE", "DE", "FR")):
        subject = person(number, country=country)
        event(subject.pk, at=timezone.now(), name="Product Viewed", properties={"list": "Boots"})


def opened(open_as: Open, tree: dict[str, Any], *, width: int = 1280, role: str = "admin") -> Page:
    page = open_as(role, address(segment(tree=tree)), width=width)
    expect(page.locator(".at-reach strong, .at-reach:has-text('not finished')")).to_be_visible()
    return page


def pick(page: Page, words: str) -> None:
    """Choose from the list that is open, as one who types does."""
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def add(page: Page, words: str, *, within: Locator | None = None) -> None:
    scope = within or page.locator(".at-canvas > .at-group")
    scope.locator(":scope > .at-group-foot").get_by_role("button", name="Condition").click()
    pick(page, words)


def tree_of(page: Page) -> Any:
    return json.loads(page.locator('[data-at-editor="segment"]').input_value())


def row(page: Page, number: int = 0) -> Locator:
    return page.locator(".at-row:not(.at-group-where .at-row)").nth(number)


@pytest.mark.usefixtures("customers")
def test_a_segment_is_told_counted_and_sampled_while_one_edits(open_as: Open) -> None:
    page = opened(open_as, GERMANS, role="marketer")
    faults = Faults(page, home=page.url.split("/admin")[0])
    count = page.locator(".at-reach strong")

    expect(page.get_by_text("Customers whose country is “DE”.")).to_be_visible()
    expect(count).to_have_text("3 customers")
    expect(page.locator(".at-person")).to_have_count(3)
    expect(page.locator(".at-person b").first).to_have_text("A*** B***")
    expect(page.get_by_role("button", name="Show names")).to_be_hidden()
    page.get_by_label("value", exact=True).fill("FR")
    expect(page.get_by_text("Customers whose country is “FR”.")).to_be_visible()
    expect(count).to_have_text("1 customer")
    expect(page.get_by_text("1 would enter")).to_be_visible()
    expect(page.get_by_text("3 would leave")).to_be_visible()
    page.get_by_role("button", name="Show some who would leave").click()
    leaving = page.get_by_role("region", name="Who would leave")
    expect(leaving.locator(".at-person b")).to_have_text(["A*** B***"] * 3)
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state()

    assert SegmentVersion.objects.get(number=2).content == {"tree": FRENCH}
    assert faults.found == []


@pytest.mark.usefixtures("customers")
def test_each_condition_shows_how_many_it_holds_for(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"any": [FRENCH, {"not": FRENCH}]}]})

    expect(row(page, 0).locator(".at-part")).to_contain_text("3")
    expect(row(page, 1).locator(".at-part")).to_contain_text("1")
    expect(row(page, 2).locator(".at-part")).to_contain_text("3")
    group = page.locator(".at-group .at-group")
    expect(group.locator(":scope > .at-group-head .at-part")).to_contain_text("4")


@pytest.mark.usefixtures("customers")
def test_names_are_shown_to_who_may_see_them_when_asked_for(open_as: Open) -> None:
    page = opened(open_as, GERMANS)

    page.get_by_role("button", name="Show names").click()

    expect(page.locator(".at-person b").first).to_have_text("Anna Berg")


def test_every_kind_of_condition_is_built_with_the_mouse(open_as: Open) -> None:
    page = opened(open_as, EVERYBODY)

    add(page, "country")
    row(page, 0).get_by_label("Comparison").select_option("in")
    row(page, 0).get_by_role("combobox", name="values").fill("DE")
    page.keyboard.press("Enter")
    page.keyboard.type("FR,")
    add(page, "total spent")
    row(page, 1).get_by_label("value", exact=True).fill("99.5")
    add(page, "product viewed")
    row(page, 2).get_by_label("How often or how much").select_option("count")
    row(page, 2).get_by_label("value", exact=True).fill("3")
    row(page, 2).get_by_role("button", name="only where").click()
    where = row(page, 2).locator(".at-group-where")
    where.get_by_role("button", name="Property of the event").click()
    pick(page, "category")
    where.get_by_label("value", exact=True).fill("boots")
    add(page, "order completed")
    row(page, 3).get_by_label("Has or has not").select_option("not")
    row(page, 3).get_by_label("How often or how much").select_option("sum")
    row(page, 3).get_by_label("how long back").fill("90")
    add(page, "one thing after another")
    add(page, "order updated")
    row(page, 5).get_by_label("How often or how much").select_option("last")

    assert tree_of(page) == {
        "all": [
            {"field": "attributes.country", "op": "in", "value": ["DE", "FR"]},
            {"field": "traits.total_spent", "op": "gte", "value": 99.5},
            {
                "event": "Product Viewed",
                "where": {"field": "product.category", "op": "eq", "value": "boots"},
                "count": {"op": "gte", "value": 3},
                "within": {"days": 30},
            },
            {
                "not": {
                    "event": "Order Completed",
                    "sum": {"property": "total", "op": "gte", "value": 100},
                    "within": {"days": 90},
                }
            },
            {
                "sequence": [
                    {"event": "Product Added"},
                    {"not": {"event": "Order Completed"}, "for": {"hours": 24}},
                ],
                "within": {"days": 30},
            },
            {"event": "Order Updated", "last": {"op": "within_last", "value": {"days": 30}}},
        ]
    }
    expect(page.locator(".at-faulty")).to_have_count(0)


def test_a_condition_is_dragged_into_another_group(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"any": [FRENCH]}]})

    expect(page.locator(".at-reach strong")).to_be_visible()
    grip, inner = row(page, 0).locator(".at-grip"), page.locator(".at-group .at-group .at-row")
    grip.hover()
    page.mouse.down()
    # Moved until the row gives way: the page may still be growing under the pointer.
    for step in range(100):
        end = page.locator(".at-group .at-group").bounding_box()
        assert end
        page.mouse.move(end["x"] + 60 + step % 2, end["y"] + end["height"] / 2, steps=4)
        if inner.count() == 2:
            break
        page.wait_for_timeout(50)
    page.mouse.up()

    expect(inner).to_have_count(2)
    assert len(tree_of(page)["all"]) == 1
    assert GERMANS in tree_of(page)["all"][0]["any"]


def test_the_menu_duplicates_turns_around_groups_and_removes(open_as: Open) -> None:
    page = opened(open_as, GERMANS)

    def act(name: str, *, number: int = 0) -> None:
        page.get_by_role("button", name="More for this condition").nth(number).click()
        page.get_by_role("menuitem", name=name).click()

    act("Duplicate")
    assert tree_of(page) == {"all": [GERMANS, GERMANS]}
    act("Turn around (not)", number=1)
    assert tree_of(page) == {"all": [GERMANS, {"not": GERMANS}]}
    act("Put into a new group")
    assert tree_of(page) == {"all": [{"any": [GERMANS]}, {"not": GERMANS}]}
    act("Out of the group")
    page.get_by_role("button", name="Remove this group").click()
    assert tree_of(page) == {"all": [GERMANS, {"not": GERMANS}]}
    page.get_by_role("button", name="not: take it away").click()
    assert tree_of(page) == {"all": [GERMANS, GERMANS]}


def test_what_was_done_is_undone_and_done_again(open_as: Open) -> None:
    page = opened(open_as, GERMANS)
    undo, redo = (page.get_by_role("button", name=name) for name in ("Undo", "Redo"))

    expect(undo).to_be_disabled()
    page.get_by_label("value", exact=True).fill("FR")
    page.get_by_role("button", name="Remove this condition").click()
    assert tree_of(page) == EVERYBODY
    undo.click()
    assert tree_of(page) == FRENCH
    undo.click()
    assert tree_of(page) == GERMANS
    expect(undo).to_be_disabled()
    redo.click()
    assert tree_of(page) == FRENCH
    page.locator(".at-grip").first.focus()
    page.keyboard.press("Control+z")

    assert tree_of(page) == GERMANS


@pytest.mark.usefixtures("customers")
def test_values_that_occur_are_offered_with_their_counts(open_as: Open) -> None:
    page = opened(open_as, EVERYBODY)

    add(page, "country")
    offered = page.get_by_role("option", name="DE")
    expect(offered).to_contain_text("3")
    expect(page.get_by_role("option", name="FR")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert tree_of(page)["all"][0]["value"] == "DE"
    add(page, "product viewed")
    row(page, 1).get_by_role("button", name="only where").click()
    page.locator(".at-group-where").get_by_role("button", name="Property of the event").click()
    pick(page, "list")
    page.locator(".at-group-where").get_by_label("value", exact=True).click()

    expect(page.get_by_role("option", name="Boots")).to_contain_text("4")


def test_a_fault_is_shown_at_its_condition_with_its_path(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"any": [FRENCH, GERMANS]}]})

    row(page, 2).get_by_label("Comparison").select_option("matches")
    row(page, 2).get_by_label("value", exact=True).fill("(")
    problem = row(page, 2).get_by_role("alert")

    expect(problem).to_contain_text("all[1].any[1].value")
    expect(page.locator(".at-faulty")).to_have_count(1)


def test_what_is_still_to_be_filled_in_is_no_fault(open_as: Open) -> None:
    person(1)
    page = opened(open_as, GERMANS)
    people = page.get_by_role("region", name="Some of them")
    expect(people.get_by_role("listitem")).to_have_count(1)

    page.get_by_label("value", exact=True).fill("")

    expect(row(page).get_by_role("alert")).to_contain_text("Fill in a value.")
    expect(page.locator(".at-faulty")).to_have_count(0)
    expect(page.locator(".at-reach")).to_have_text("not finished")
    # Nobody is shown as if they belonged to it.
    expect(people.get_by_role("listitem")).to_have_count(0)
    expect(people.get_by_text("Shown as soon as the condition is finished.")).to_be_visible()
    expect(page.get_by_role("region", name="Against the live version")).to_be_hidden()
    page.get_by_label("value", exact=True).fill("DE")
    expect(people.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("region", name="Against the live version")).to_be_visible()


def test_json_and_builder_follow_each_other(open_as: Open) -> None:
    page = opened(open_as, GERMANS)
    area = page.get_by_label("Conditions as JSON")

    page.get_by_role("button", name="JSON").click()
    assert json.loads(area.input_value()) == GERMANS
    area.fill('{"all": [')
    expect(page.get_by_text("this is not JSON yet")).to_be_visible()
    page.get_by_role("button", name="JSON").click()
    expect(area).to_be_visible()
    area.fill(json.dumps({"any": [FRENCH, {"field": "attributes.nothing", "op": "is_set"}]}))
    expect(page.locator(".at-json-problems code")).to_have_text("any[1]")
    area.fill(json.dumps({"any": [FRENCH, GERMANS]}))
    page.get_by_role("button", name="JSON").click()

    expect(row(page, 1).get_by_label("value", exact=True)).to_have_value("DE")
    assert tree_of(page) == {"any": [FRENCH, GERMANS]}


def test_json_that_is_not_finished_is_kept_when_saved(open_as: Open) -> None:
    page = opened(open_as, GERMANS)

    page.get_by_role("button", name="JSON").click()
    page.get_by_label("Conditions as JSON").fill('{"all": [')
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state()

    expect(page.locator('[data-at-editor="segment"]')).to_have_value('{"all": [')


@pytest.mark.usefixtures("customers")
def test_it_shows_on_the_tree_why_a_customer_is_out(open_as: Open) -> None:
    viewed = {"event": "Product Viewed", "count": {"op": "gte", "value": 3}}
    spent = {"field": "traits.total_spent", "op": "gte", "value": 1}
    page = opened(open_as, {"all": [GERMANS, viewed, spent]})

    page.get_by_label("Address or customer number").fill("anna1@example.com")
    page.keyboard.press("Enter")

    expect(page.get_by_text("is not in this segment")).to_be_visible()
    expect(row(page, 0).locator(".at-trace-true")).to_contain_text("seen: DE")
    expect(row(page, 1).locator(".at-trace-false")).to_contain_text("seen: 1")
    expect(row(page, 2).locator(".at-trace-absent")).to_contain_text("not known")
    assert "anna1" not in page.url
    row(page, 0).get_by_label("value", exact=True).fill("FR")
    expect(page.locator(".at-trace")).to_have_count(0)


def test_a_reader_sees_all_and_changes_nothing(open_as: Open) -> None:
    page = opened(open_as, {"all": [GERMANS, {"event": "Product Viewed"}]}, role="analyst")

    expect(page.locator(".at-grip, .at-add, .at-row-tools")).to_have_count(0)
    for control in page.locator(".at-canvas :is(input, select, button)").all():
        expect(control).to_be_disabled()


@pytest.mark.usefixtures("customers")
def test_on_a_phone_everything_fits_and_can_be_touched(open_as: Open) -> None:
    viewed = {
        "event": "Product Viewed",
        "where": {"all": [{"field": "product.category", "op": "eq", "value": "boots"}, {"any": [
            {"field": "product.price", "op": "between", "value": [1, 2]}]}]},
        "avg": {"property": "total", "op": "between", "value": [1, 2]},
        "within": {"days": 30},
    }  # fmt: skip
    then = {
        "sequence": [
            {"event": "Product Added"},
            {"event": "Order Completed", "within": {"days": 2}},
        ]
    }
    page = opened(open_as, {"all": [GERMANS, {"any": [{"all": [viewed]}, then]}]}, width=PHONE)

    assert overflow(page) == 0
    small = page.evaluate(
        """() => [...document.querySelectorAll('.at-canvas :is(button, select, input)')]
        .map((each) => [each, each.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.height < 28 || box.width < 24))
        .map(([each]) => each.outerHTML.slice(0, 120))"""
    )
    assert small == []
    add(page, "country")
    page.locator(".at-values .at-option").first.click()
    assert tree_of(page)["all"][2] == GERMANS
    assert overflow(page) == 0
