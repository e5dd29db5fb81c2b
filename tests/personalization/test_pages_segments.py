"""The page of a segment in a real browser, and what its buttons do."""

import os
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import cast

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from consent.models import AuditEntry, Job
from personalization.models import CustomerProfile, Field, Segment, SegmentDay
from personalization.segments import history, publish, tending, upkeep
from personalization.versions import ContentInvalid
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns.factories import person
from tests.personalization.factories import FRENCH, client_of, event, segment
from tests.personalization.ground import real_commits

__all__ = ["real_commits"]
DAY = timedelta(days=1)


def page(segment: Segment) -> str:
    return reverse("admin:personalization_segment_page", args=[segment.pk])


def scene() -> Segment:
    """Three segments that share people, a draft, movement of some weeks."""
    now = timezone.now()
    some = [person(number, country="DE" if number % 3 else "FR", at=now) for number in range(1, 15)]
    made = segment("germans")
    segment("recent", tree={"event": "Product Viewed", "within": {"days": 7}})
    segment("both", tree={"all": [{"segment": "germans"}, {"segment": "recent"}]})
    upkeep.catch_up(now=now - DAY)
    for number, subject in enumerate(some[::2]):
        event(subject.pk, at=now - timedelta(hours=number))
        values = {"country": "FR" if number % 2 else "DE"}
        CustomerProfile.objects.filter(pk=subject.pk).update(attributes=values)
    upkeep.catch_up(now=now)
    for back in range(2, 45):
        SegmentDay.objects.create(
            segment=made, day=(now - back * DAY).date(), size=4 + back % 7, entered=1, left=1
        )
    publish.publisher.save_draft(made, content={"tree": FRENCH})
    return Segment.objects.get(pk=made.pk)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("real_commits")
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_page_fits_its_screen(open_as: Open, live_server: LiveServer, width: int) -> None:
    made = scene()
    opened = open_as("admin", reverse("admin:index"), width=width)
    opened.wait_for_load_state("networkidle")
    faults = Faults(opened, home=live_server.url)

    opened.goto(f"{live_server.url}{page(made)}")

    expect(opened.get_by_role("heading", name="Came and went lately")).to_be_visible()
    expect(opened.get_by_text("If the draft went live")).to_be_visible()
    if folder := os.environ.get("ATTUNE_SHOTS"):
        opened.screenshot(path=f"{folder}/segment-{width}.png", full_page=True)
    assert overflow(opened) <= 0
    assert faults.found == []


@pytest.fixture
def made(db: None, roles: None) -> Segment:
    return scene()


def test_the_page_says_who_came_and_why(made: Segment) -> None:
    text = client_of("marketer").get(page(made)).content.decode()

    assert "whose country is" in text
    assert "An attribute or trait changed" in text
    assert "would enter and" in text
    assert reverse("admin:personalization_segment_page", args=[made.pk + 1]) in text


def test_a_broken_segment_says_so_in_list_and_page(made: Segment) -> None:
    Field.objects.filter(name="country").delete()
    upkeep.catch_up(now=timezone.now())
    client = client_of("marketer")

    listed = client.get(reverse("admin:personalization_segment_changelist")).content.decode()
    shown = client.get(page(made)).content.decode()

    assert listed.count("Broken") == 2
    assert "there is no field “attributes.country”" in shown


def test_queries_of_the_page_do_not_grow_with_members(made: Segment) -> None:
    client = client_of("marketer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(made)).status_code == 200
        return len(captured)

    queries()
    first = queries()
    for number in range(20, 30):
        person(number)
    upkeep.catch_up(now=timezone.now())
    assert queries() == first


def test_check_and_rebuild_are_jobs(made: Segment) -> None:
    made.memberships.filter(pk=made.memberships.values_list("pk")[:1]).delete()
    client = client_of("marketer")
    url = reverse("admin:personalization_segment_tend", args=[made.pk])

    for step, missing in (("check", 1), ("rebuild", 0)):
        assert client.post(url, {"step": step}).status_code == 302
        job = Job.objects.latest("pk")
        tending.work(made.pk, step=step, job_id=job.pk, now=timezone.now())
        made.refresh_from_db()
        assert made.drift == {"missing": missing, "extra": 0}
        job.refresh_from_db()
        assert job.state == "done"
    assert AuditEntry.objects.filter(action="segment.rebuild").count() == 1


def test_the_export_needs_the_permission_and_is_noted(made: Segment) -> None:
    url = reverse("admin:personalization_segment_export", args=[made.pk])

    assert client_of("analyst").post(url).status_code == 403
    sent = client_of("admin").post(url)
    parts = cast("Iterable[bytes]", getattr(sent, "streaming_content", ()))
    rows = b"".join(parts).decode().splitlines()
    made.refresh_from_db()

    assert len(rows) == made.member_count + 1
    assert "@example.com" in rows[1]
    assert AuditEntry.objects.get(action="segment.export").detail == {"members": made.member_count}


def test_the_page_says_who_was_in_it_at_a_time_and_exports_them(made: Segment) -> None:
    now = timezone.now()
    then, admin = f"{now - DAY / 2:%Y-%m-%dT%H:%M}", client_of("admin")
    left = made.past.filter(left_at__gt=now - DAY / 2).count()
    was = {*history.was_in(made, at=now - DAY / 2)}
    came = made.memberships.exclude(profile_id__in=was).count()
    assert left
    assert came == 1

    told = admin.get(page(made), {"at": then}).content.decode()
    wrong = [
        admin.get(page(made), {"at": each}).content.decode()
        for each in ("soon", "2026-13-01T10:00", f"{now + DAY:%Y-%m-%dT%H:%M}")
    ]
    sent = admin.post(reverse("admin:personalization_segment_export", args=[made.pk]), {"at": then})
    parts = cast("Iterable[bytes]", getattr(sent, "streaming_content", ()))
    rows = b"".join(parts).decode().splitlines()

    assert f"it held <strong>{len(was)}</strong> customers" in told
    assert f"<strong>{left}</strong> of them left" in told
    assert f"<strong>{came}</strong> is in it who was not" in told
    assert all("Write a day and a time that lie in the past." in each for each in wrong)
    assert len(rows) == len(was) + 1
    assert AuditEntry.objects.get(action="segment.export").detail["members"] == len(was)


def test_any_other_segment_can_be_combined_with(made: Segment) -> None:
    for number in range(9):
        segment(f"other-{number}")
    upkeep.catch_up(now=timezone.now())

    told = client_of("marketer").get(page(made)).content.decode()

    offered = {*re.findall(r'name="other" value="([^"]+)"', told)} | {
        *re.findall(r'<option value="([^"]+)"', told)
    }
    assert offered == {*Segment.objects.exclude(pk=made.pk).values_list("slug", flat=True)}


def test_combining_makes_a_draft(made: Segment) -> None:
    url = reverse("admin:personalization_segment_combine", args=[made.pk])

    client_of("marketer").post(url, {"way": "only", "other": "recent"})

    combined = Segment.objects.get(slug="germans-without-recent")
    assert combined.versions.get().content["tree"] == {
        "all": [{"segment": "germans"}, {"not": {"segment": "recent"}}]
    }


def test_a_list_is_filled_from_pasted_lines(made: Segment) -> None:
    client: Client = client_of("marketer")
    client.post(
        reverse("admin:personalization_segment_new_list"), {"name": "Guests", "slug": "guests"}
    )
    guests = Segment.objects.get(slug="guests")
    url = reverse("admin:personalization_segment_enlist", args=[guests.pk])

    answer = client.post(url, {"lines": "anna1@example.com\nx@y", "step": "add"}, follow=True)
    upkeep.catch_up(now=timezone.now())

    assert "1 line led to nobody: line 2" in answer.content.decode()
    assert guests.memberships.count() == 1
    assert guests.kind == Segment.Kind.LIST
    client.post(url, {"lines": "anna1@example.com", "step": "remove"})
    upkeep.catch_up(now=timezone.now())
    assert guests.memberships.count() == 0


def test_a_list_is_renamed_and_has_no_condition_to_edit(made: Segment) -> None:
    client = client_of("marketer")
    new_list = reverse("admin:personalization_segment_new_list")
    client.post(new_list, {"name": "Guests", "slug": "guests"})
    client.post(new_list, {"name": "Odd", "slug": "odd one"})
    guests = Segment.objects.get(slug="guests")
    assert not Segment.objects.filter(name="Odd").exists()

    editor = client.get(reverse("admin:personalization_segment_change", args=[guests.pk]))
    client.post(
        reverse("admin:personalization_segment_rename", args=[guests.pk]),
        {"name": "Guests of the fair", "description": "May"},
    )
    client.post(reverse("admin:personalization_segment_rename", args=[made.pk]), {"name": "X"})

    assert editor["Location"] == page(guests)
    guests.refresh_from_db()
    assert (guests.name, guests.description) == ("Guests of the fair", "May")
    assert Segment.objects.get(pk=made.pk).name == made.name
    with pytest.raises(ContentInvalid, match="chosen by hand"):
        publish.publisher.save_draft(guests, content={"tree": {"all": []}})


def test_saving_a_name_leaves_the_count_alone(made: Segment) -> None:
    Segment.objects.filter(pk=made.pk).update(member_count=77)
    client = client_of("marketer")
    url = reverse("admin:personalization_segment_change", args=[made.pk])
    assert client.get(url).status_code == 200
    made.refresh_from_db()
    assert made.member_count == 77
