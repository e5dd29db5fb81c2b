"""Segments that are put away and brought back."""

import os
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Campaign
from consent.models import AuditEntry
from personalization.models import ListEntry, RuleSet, Segment, SegmentPast, SendTimeSlot
from personalization.rules import publish as rules
from personalization.segments import archiving, checking, health, lists, membership, upkeep
from personalization.segments.checking import Drift
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import people, person, staff
from tests.consent.people import NOON
from tests.personalization.factories import block, client_of, rule, segment, table
from tests.personalization.ground import real_commits

__all__ = ["real_commits"]
HOUR = timedelta(hours=1)


def members(made: Segment) -> set[int]:
    return set(made.memberships.values_list("profile_id", flat=True))


def ruleset_by(slug: str) -> RuleSet:
    made = RuleSet.objects.create(slug="by-segment", name="Rules by segment")
    asks = table(rule(condition={"segment": slug}))
    rules.publisher.publish(made, content=asks, now=NOON)
    return made


def url(what: str, made: Segment) -> str:
    return reverse(f"admin:personalization_segment_{what}", args=[made.pk])


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("ATTUNE_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.django_db
def test_members_leave_what_is_archived_and_the_history_says_why() -> None:
    inside = {each.pk for each in people(3)}
    other, made = segment("others"), segment()
    upkeep.catch_up(now=NOON)
    assert members(made) == inside
    # Also one that is broken holds nobody afterwards.
    health.break_down(made.pk, version_id=made.live_id, message="it failed", now=NOON)

    assert not archiving.archive(made, actor=staff("marketer"), now=NOON + HOUR)

    made.refresh_from_db()
    past = SegmentPast.objects.filter(segment=made)
    assert members(made) == set()
    assert members(other) == inside
    assert {each.profile_id for each in past} == inside
    assert {(each.left_at, str((each.left_why or {})["cause"])) for each in past} == {
        (NOON + HOUR, "archived")
    }
    assert (made.is_archived, made.member_count, made.is_stale) == (True, 0, False)
    assert (made.broken_since, made.faults, made.timed_up_to) == (None, [], None)
    assert made.days.get(day=NOON.date()).left == 3
    noted = AuditEntry.objects.get(action="segment.archive")
    assert noted.detail == {"left": 3}
    archiving.archive(made, actor=None, now=NOON + HOUR)
    assert AuditEntry.objects.filter(action="segment.archive").count() == 1


@pytest.mark.django_db
def test_what_is_archived_stays_empty_and_what_is_back_equals_a_count_over_everybody() -> None:
    people(3)
    made = segment()
    upkeep.catch_up(now=NOON)
    archiving.archive(made, actor=None, now=NOON)
    latest = person(7)
    french = person(8, country="FR")
    upkeep.catch_up(now=NOON + HOUR)
    assert members(made) == set()

    assert archiving.restore(made, actor=None)
    assert not archiving.restore(made, actor=None)
    upkeep.catch_up(now=NOON + 2 * HOUR)

    made.refresh_from_db()
    kept = members(made)
    assert latest.pk in kept
    assert french.pk not in kept
    assert made.member_count == len(kept) == 4
    change = membership.rebuild(made, now=NOON + 2 * HOUR)
    assert (change.size, change.entered, change.left) == (4, 0, 0)
    assert checking.check(made, now=NOON + 2 * HOUR) == Drift(0, 0)
    assert AuditEntry.objects.filter(action="segment.restore").count() == 1


@pytest.mark.django_db
def test_who_is_on_a_list_stays_on_it_while_it_is_archived() -> None:
    anna, ben = person(1), person(2)
    friends = lists.create(slug="friends", name="Friends")
    lists.add(friends, ["anna1@example.com", "anna2@example.com"], actor=None, now=NOON)
    upkeep.catch_up(now=NOON)

    archiving.archive(friends, actor=None, now=NOON)
    lists.remove(friends, ["anna2@example.com"], actor=None)
    upkeep.catch_up(now=NOON)
    assert members(friends) == set()
    assert ListEntry.objects.get().subject_id == anna.pk

    archiving.restore(friends, actor=None)
    upkeep.catch_up(now=NOON)
    assert members(friends) == {anna.pk} != {ben.pk}


@pytest.mark.django_db
def test_one_that_never_went_live_is_not_counted_when_it_is_back() -> None:
    draft = Segment.objects.create(slug="draft", name="Draft")
    archiving.archive(draft, actor=None, now=NOON)
    archiving.restore(draft, actor=None)
    draft.refresh_from_db()
    assert (draft.is_archived, draft.is_stale) == (False, False)


@pytest.mark.django_db
def test_what_is_used_is_not_archived_and_every_use_is_named() -> None:
    person(1)
    made = segment("vips")
    outer = segment("outer", tree={"not": {"segment": "vips"}})
    purpose = "email_marketing"
    campaign = Campaign.objects.create(slug="spring", name="Spring", purpose_id=purpose)
    campaign.segments.add(made)
    block()
    asked = ruleset_by("vips")
    SendTimeSlot.objects.create(slug="shop", name="Shop window", ruleset=asked)
    upkeep.catch_up(now=NOON)

    holding = archiving.archive(made, actor=None, now=NOON)

    assert {str(use) for use in holding} == {
        "the campaign “Spring”",
        "the ruleset “Rules by segment”",
        "the slot “Shop window”",
        "the segment “Segment outer”",
    }
    made.refresh_from_db()
    assert (made.is_archived, made.memberships.count()) == (False, 1)
    assert not AuditEntry.objects.filter(action="segment.archive").exists()

    Campaign.objects.update(status=Campaign.Status.SENT)
    archiving.archive(outer, actor=None, now=NOON)
    rules.publisher.publish(asked, content=table(rule()), now=NOON)
    assert not archiving.archive(made, actor=None, now=NOON)
    made.refresh_from_db()
    assert made.is_archived


@pytest.mark.django_db
@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("role", "may"),
    [("marketer", True), ("admin", True), ("analyst", False), ("compliance", False)],
)
def test_the_page_archives_and_brings_back_for_who_may_change_segments(
    role: str, may: bool
) -> None:
    person(1)
    made = segment()
    upkeep.catch_up(now=timezone.now())
    client = client_of(role)
    assert (url("archive", made) in client.get(url("page", made)).content.decode()) is may

    answer = client.post(url("archive", made))
    made.refresh_from_db()
    assert (answer.status_code, made.is_archived) == ((302, True) if may else (403, False))
    Segment.objects.filter(pk=made.pk).update(is_archived=True)
    shown = client.get(url("page", made)).content.decode()
    assert "Nobody is in it, and nothing can use it." in shown
    assert (url("restore", made) in shown) is may
    assert url("tend", made) not in shown

    answer = client.post(url("restore", made))
    made.refresh_from_db()
    assert (answer.status_code, made.is_archived) == ((302, False) if may else (403, True))
    assert client.get(url("archive", made)).status_code == 405


@pytest.mark.django_db
@pytest.mark.usefixtures("roles")
def test_the_page_names_what_uses_the_segment_and_offers_no_button() -> None:
    made = segment("vips")
    block()
    asked = ruleset_by("vips")
    SendTimeSlot.objects.create(slug="shop", name="Shop window", ruleset=asked)
    client = client_of("marketer")

    shown = client.get(url("page", made)).content.decode()
    refused = client.post(url("archive", made), follow=True).content.decode()

    names = "the ruleset “Rules by segment”, the slot “Shop window”"
    assert f"cannot be archived while it is used by {names}" in shown
    assert url("archive", made) not in shown
    assert f"Not archived: used by {names}. Take it out there first." in refused


@pytest.mark.django_db
@pytest.mark.usefixtures("roles")
def test_lists_show_what_is_archived_only_when_asked() -> None:
    segment("germans")
    archiving.archive(segment("gone"), actor=None, now=NOON)
    client = client_of("marketer")
    listed = reverse("admin:personalization_segment_changelist")

    usual, asked = client.get(listed), client.get(listed, {"archived": "yes"})
    offered = client.get(
        reverse("admin:autocomplete"),
        {"app_label": "campaigns", "model_name": "campaign", "field_name": "segments"},
    )

    assert "Segment germans" in usual.content.decode()
    assert "Segment gone" not in usual.content.decode()
    assert "Segment gone" in asked.content.decode()
    assert "Segment germans" not in asked.content.decode()
    assert [each["text"] for each in offered.json()["results"]] == ["Segment germans"]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("real_commits")
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_one_archives_after_a_second_press_and_brings_back(
    open_as: Open, live_server: LiveServer, width: int
) -> None:
    people(3)
    made = segment()
    long = "Everybody who bought something warm for the winter and told us where they live"
    Segment.objects.filter(pk=made.pk).update(name=long)
    upkeep.catch_up(now=timezone.now())
    opened = open_as("marketer", reverse("admin:index"), width=width)
    opened.wait_for_load_state("networkidle")
    faults = Faults(opened, home=live_server.url)
    opened.goto(f"{live_server.url}{url('page', made)}")

    button = opened.get_by_role("button", name="Archive it")
    expect(button).to_be_hidden()
    opened.get_by_text("Archive this segment").click()
    expect(opened.get_by_text("3 customers will leave it")).to_be_visible()
    assert overflow(opened) <= 0
    shot(opened, f"archive-{width}")
    button.click()
    back = opened.get_by_role("button", name="Bring back")
    expect(back).to_be_visible()
    assert overflow(opened) <= 0
    shot(opened, f"archived-{width}")
    assert Segment.objects.get(pk=made.pk).is_archived
    assert not made.memberships.exists()
    back.click()
    expect(back).to_be_hidden()
    expect(opened.get_by_text("is back and being counted")).to_be_visible()
    upkeep.catch_up(now=timezone.now())
    assert made.memberships.count() == 3
    opened.goto(f"{live_server.url}{reverse('admin:personalization_segment_changelist')}")
    shot(opened, f"list-{width}")
    assert faults.found == []
