"""The decision table in a real browser: order by pointer, finger and keys, findings, outcomes."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from personalization.models import RuleSet, RuleSetVersion
from personalization.rules import simulate
from personalization.rules.publish import publisher
from tests.browser import PHONE, Faults, Open, overflow
from tests.campaigns.factories import person
from tests.personalization.factories import FRENCH, block, rule, ruleset, table
from tests.personalization.offer_support import offer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
# Where what a rule shows ends, and where its buttons begin.
PLACES = """
[...document.querySelectorAll('.at-rules > .at-rule')].map((rule) => {
  const places = (what) => [...rule.querySelectorAll(what)].map((e) => e.getBoundingClientRect());
  return [
    Math.max(...places('.at-outcome select').map((each) => each.right)),
    Math.min(...places('.at-rule-tools > *').map((each) => each.left)),
  ];
})
"""
VERBS = ("Viewed", "Added")


@pytest.fixture
def three() -> RuleSet:
    """Three rules, the last of which is hidden by the first."""
    for number, country in enumerate(("DE", "DE", "FR", "NL", "BE")):
        person(number, country=country)
    block()
    offer("spring", value=10)
    made = ruleset()
    lines = (rule(), rule("french", condition=FRENCH, place=2), rule("again", place=3))
    publisher.publish(made, content=table(*lines), now=made.created_at)
    return RuleSet.objects.get(pk=made.pk)


def address(of: RuleSet) -> str:
    return reverse("admin:personalization_ruleset_change", args=[of.pk])


def shot(page: Page, name: str) -> None:
    """Keep a picture for who wants to look at it: ATTUNE_SHOTS names the folder."""
    folder = os.environ.get("ATTUNE_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def names(page: Page) -> list[str]:
    return [each.input_value() for each in page.get_by_label("Name of the rule").all()]


def drag(page: Page, handle: Locator, to: Locator, *, past: float) -> None:
    # Findings and counts come a moment after the page, and move the cards as they come.
    page.wait_for_load_state("networkidle")
    start, end = handle.bounding_box(), to.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + end["height"] * past, steps=8)
    page.mouse.up()


def saved(of: RuleSet) -> list[str]:
    draft = RuleSetVersion.objects.filter(of=of).order_by("-number")[0]
    return [each["key"] for each in sorted(draft.content["rules"], key=lambda r: r["priority"])]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_load_state()
    expect(page.get_by_text("Saved as draft")).to_be_visible()


def test_findings_and_counts_stand_at_their_rules_and_follow_every_change(
    three: RuleSet, open_as: Open
) -> None:
    page = open_as("marketer", address(three))
    faults = Faults(page, home=page.url.split("/admin")[0])
    first, french, again = (page.locator(".at-rule").nth(number) for number in range(3))

    expect(first.locator(".at-decides")).to_have_text(re.compile("decides for 2 customers"))
    expect(french.locator(".at-decides")).to_have_text(re.compile("decides for 1 customer "))
    expect(again.get_by_text("is never reached")).to_be_visible()
    expect(again.get_by_text("Move it above")).to_be_visible()
    left = page.locator(".at-fallback .at-decides")
    expect(left).to_have_text(re.compile("left for this line: 2 customers"))
    expect(page.locator(".at-check-summary")).to_contain_text("1 fault")
    shot(page, "rules-1280")
    ends = page.evaluate(PLACES)
    assert all(shows <= tools for shows, tools in ends), ends
    again.get_by_label("Switched on").uncheck()

    expect(again.get_by_text("not active now")).to_be_visible()
    expect(again.get_by_text("is never reached")).to_be_hidden()
    assert overflow(page) == 0
    assert faults.found == []


def test_rules_are_dragged_with_the_mouse(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))
    cards = page.locator(".at-rules > .at-rule")

    drag(page, cards.nth(2).get_by_label("Move this rule"), cards.nth(0), past=0.2)

    assert names(page) == ["Again", "Germans", "French"]
    expect(page.get_by_text("Rule Again is now number 1 of 3.")).to_be_attached()
    expect(cards.nth(1).get_by_text("is never reached")).to_be_visible()
    save(page)
    assert saved(three) == ["again", "germans", "french"]


def test_a_drag_is_given_up_with_escape(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))
    cards = page.locator(".at-rules > .at-rule")
    start, end = (
        cards.nth(2).get_by_label("Move this rule").bounding_box(),
        cards.nth(0).bounding_box(),
    )
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + 4, steps=5)
    assert names(page)[0] == "Again"

    page.keyboard.press("Escape")
    page.mouse.up()

    assert names(page) == ["Germans", "French", "Again"]


def test_rules_are_dragged_with_a_finger_on_a_phone(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three), width=PHONE)
    expect(page.get_by_text("is never reached")).to_be_visible()
    shot(page, "rules-390")
    assert overflow(page) == 0
    client = page.context.new_cdp_session(page)
    cards = page.locator(".at-rules > .at-rule")
    # To the middle: at the edge the bar with the buttons would lie over it.
    handle = cards.nth(1).get_by_label("Move this rule")
    handle.evaluate("each => each.scrollIntoView({ block: 'center' })")
    start, end = (each.bounding_box() for each in (handle, cards.nth(0)))
    assert start is not None
    assert end is not None
    x, y = start["x"] + 6, start["y"] + 6

    def touch(kind: str, *points: float) -> None:
        where = [{"x": x, "y": each} for each in points]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    touch("touchStart", y)
    for part in range(1, 9):
        touch("touchMove", y + (max(end["y"], 70) + 10 - y) * part / 8)
    touch("touchEnd")

    assert names(page) == ["French", "Germans", "Again"]


def test_rules_are_moved_with_the_keyboard(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))
    handle = page.get_by_label("Move this rule").nth(2)

    handle.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")

    assert names(page) == ["Again", "Germans", "French"]
    expect(page.get_by_label("Move this rule").nth(0)).to_be_focused()


def test_an_outcome_takes_an_offer_and_products_with_limits(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))
    card = page.locator(".at-rules > .at-rule").nth(1)

    card.get_by_label("Offer", exact=True).select_option("spring")
    card.get_by_label("Products", exact=True).select_option("popular")
    card.get_by_role("button", name="Limit the products").click()
    card.get_by_label("Products", exact=True).nth(1).fill("3")
    card.get_by_label("Only categories").fill("Tea, Soap")
    card.get_by_label("Price to").fill("20")
    shot(page, "rules-outcome-1280")
    save(page)

    draft = RuleSetVersion.objects.filter(of=three).order_by("-number")[0]
    assert draft.content["rules"][1]["outcome"] == {
        "block": "hero", "variant": "vip", "offer": "spring", "strategy": "popular",
        "parameters": {"limit": 3, "categories": ["Tea", "Soap"], "price_to": 20},
    }  # fmt: skip
    expect(page.get_by_role("button", name="3 limits on products")).to_be_visible()


def test_rules_get_a_value_when_the_most_worth_is_to_decide(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))

    page.get_by_label("Which rule decides").select_option("highest_value")
    page.get_by_label("Value of this outcome").nth(1).fill("7")

    expect(page.locator(".at-check-summary")).to_contain_text("shown at the rules")
    expect(page.locator("[data-kind=unfinished]")).to_have_count(0)
    save(page)
    draft = RuleSetVersion.objects.filter(of=three).order_by("-number")[0]
    assert [each["outcome"]["value"] for each in draft.content["rules"]] == [0, 7, 0]


def test_a_time_without_a_zone_is_utc_and_one_that_is_none_stops_nothing(open_as: Open) -> None:
    block()
    made = ruleset()
    times = {"active_from": "2026-11-23T06:00", "active_until": "2027-01-31T00:00+02:00"}
    publisher.save_draft(made, content=table({**rule(), **times}))
    page = open_as("marketer", address(made))
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    page.reload()
    page.get_by_role("button", name="Edit condition").click()
    expect(page.get_by_label("Active from (UTC)")).to_have_value("2026-11-23T06:00")
    expect(page.get_by_label("until (UTC)")).to_have_value("2027-01-30T22:00")
    assert page.evaluate("Attune.RuleCard.prototype.utc('soon')") is None


def test_many_notes_at_a_rule_are_folded(open_as: Open) -> None:
    block()
    made = ruleset()
    names = ("country", "city", "language")
    conditions: list[dict[str, Any]] = [
        *({"field": f"attributes.{name}", "op": "is_set"} for name in names),
        *({"event": f"Product {verb}", "count": {"op": "gte", "value": 1}} for verb in VERBS),
    ]
    lines = [
        rule(f"r{number}", condition=condition, place=number)
        for number, condition in enumerate(conditions)
    ]
    for limit, line in enumerate(lines, start=1):
        line["outcome"] |= {"strategy": "popular", "parameters": {"limit": limit}}
    publisher.publish(made, content=table(*lines), now=made.created_at)
    page = open_as("marketer", address(made))
    last = page.locator(".at-rules > .at-rule").nth(4)

    expect(last.locator(".at-remark:visible")).to_have_count(2)
    last.get_by_role("button", name="2 more notes").click()

    expect(last.locator(".at-remark:visible")).to_have_count(4)


def test_a_review_is_asked_for_and_answered(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three))
    page.get_by_label("Name of the rule").nth(0).fill("From Germany")
    page.get_by_label("What changed, and why").fill("clearer name")
    page.get_by_role("button", name="Submit for review").click()
    page.wait_for_load_state()
    expect(page.get_by_text("waits for an approver now")).to_be_visible()

    approver = open_as("approver", address(three))
    expect(approver.get_by_text("marketer asks: clearer name")).to_be_visible()
    shot(approver, "review-1280")
    approver.get_by_role("button", name="Approve and put live").click()
    approver.wait_for_load_state()

    expect(approver.get_by_text("Version 3 is live now.")).to_be_visible()
    expect(approver.get_by_role("button", name="Back to v2")).to_be_visible()
    assert overflow(approver) == 0


def test_a_simulation_shows_what_changes_and_one_customers_trace(
    three: RuleSet, open_as: Open
) -> None:
    changed = table(rule("french", condition=FRENCH), rule(place=2))
    changed["rules"][1]["outcome"] = {"block": "hero", "variant": "general"}
    publisher.save_draft(three, content=changed)
    job = simulate.ask(three, before=2, after=3)
    simulate.run(job.pk, now=job.created_at)
    page = open_as("marketer", address(three))
    page.get_by_role("link", name="Simulate").click()
    faults = Faults(page, home=page.url.split("/admin")[0])

    expect(page.get_by_text("Version 3 against version 2")).to_be_visible()
    line = page.get_by_role("row").nth(1)
    expect(line).to_contain_text("Block hero, “Vip”")
    expect(line).to_contain_text("Block hero, “General”")
    line.get_by_role("link").first.click()

    expect(page.get_by_text("true, but another rule decided")).to_be_visible()
    expect(page.get_by_text("Values are hidden")).to_be_visible()
    shot(page, "simulation-1280")
    page.set_viewport_size({"width": PHONE, "height": 900})
    shot(page, "simulation-390")
    assert overflow(page) == 0
    assert faults.found == []


@pytest.mark.usefixtures("transactional_db")
def test_an_offer_gets_its_codes_and_says_what_is_left(open_as: Open) -> None:
    pool = offer("own", kind="pool", with_codes=("A1",), total=100)
    page = open_as("marketer", reverse("admin:personalization_offer_codes", args=[pool.pk]))
    faults = Faults(page, home=page.url.split("/admin")[0])

    page.get_by_label("Or paste them here").fill("B2\nA1\nC3 C3\nB2")
    page.get_by_role("button", name="Add these codes").click()

    expect(page.get_by_text("1 code added, 3 refused")).to_be_visible()
    expect(page.get_by_text("Line 2")).to_be_visible()
    shot(page, "offer-codes-1280")
    page.get_by_role("link", name="Back to Offer own").click()
    expect(page.get_by_text("Codes left")).to_be_visible()
    shot(page, "offer-1280")
    assert overflow(page) == 0
    page.set_viewport_size({"width": PHONE, "height": 900})
    shot(page, "offer-390")
    assert overflow(page) == 0
    page.goto(reverse("admin:personalization_offer_changelist"))
    shot(page, "offers-390")
    assert overflow(page) == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    shot(page, "offers-1280")
    assert faults.found == []


def test_an_open_rule_counts_its_conditions_shows_people_and_tests_one(
    three: RuleSet, open_as: Open
) -> None:
    page = open_as("marketer", address(three))
    card = page.locator(".at-rule").nth(1)

    card.get_by_role("button", name="Edit condition").click()
    expect(card.locator(".at-part").first).to_contain_text("1")
    people = card.get_by_label("Some of them")
    expect(people.get_by_role("listitem")).to_have_count(1)
    card.get_by_label("Address or customer number").fill("C1")
    card.get_by_role("button", name="Test", exact=True).click()

    expect(card.locator(".at-verdict")).to_contain_text("the rule does not hold")
    expect(card.locator(".at-trace")).to_contain_text("does not hold")
    card.get_by_label("Address or customer number").fill("C2")
    card.get_by_role("button", name="Test", exact=True).click()
    expect(card.locator(".at-verdict")).to_contain_text("the rule holds")
    shot(page, "rule-open")


def test_an_open_rule_fits_a_phone(three: RuleSet, open_as: Open) -> None:
    page = open_as("marketer", address(three), width=PHONE)
    card = page.locator(".at-rule").nth(1)

    card.get_by_role("button", name="Edit condition").click()
    expect(card.get_by_label("Some of them").get_by_role("listitem")).to_have_count(1)
    shot(page, "rule-open-phone")

    assert overflow(page) == 0
