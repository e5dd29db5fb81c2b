"""What no segment asks about costs nobody a look; what one asks about still moves people."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalization import tasks
from personalization.ingest.accept import accept
from personalization.merging import merge as merges
from personalization.models import (
    CustomerProfile,
    Event,
    Segment,
    SegmentRecheck,
    SegmentTouch,
    Source,
)
from personalization.segments import checking, unasked, upkeep
from personalization.segments.checking import Drift
from tests.campaigns.factories import people, person
from tests.consent.people import NOON
from tests.personalization import ground
from tests.personalization.factories import segment
from tests.personalization.ground import SHOP
from tests.personalization.test_segments_upkeep import (
    DAY,
    HOUR,
    RECENT,
    TREES,
    happen,
    members,
    settle,
)

pytestmark = pytest.mark.django_db
GERMANY = {"country": "DE"}


def test_without_a_segment_notes_are_forgotten_and_nobody_is_loaded() -> None:
    for each in people(3):
        happen(each.pk, at=NOON - DAY)
        SegmentRecheck.objects.create(profile_id=each.pk, due_at=NOON - HOUR)
    CustomerProfile.objects.update(traits={"orders": 3})

    with CaptureQueriesContext(connection) as captured:
        done = upkeep.catch_up(now=NOON)

    assert done.people == 0
    assert not SegmentTouch.objects.exists()
    assert not SegmentRecheck.objects.exists()
    assert not any("customerprofile" in each["sql"] for each in captured)


def test_so_many_notes_are_forgotten_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unasked, "_WINDOW", 2)
    anna = person(1)
    for hour in range(5):
        happen(anna.pk, at=NOON - hour * HOUR)

    upkeep.one_batch(now=NOON)
    assert SegmentTouch.objects.count() > 1
    upkeep.catch_up(now=NOON)
    assert not SegmentTouch.objects.exists()


def test_who_was_forgotten_is_found_when_a_segment_goes_live() -> None:
    anna = person(1)
    happen(anna.pk, at=NOON - DAY)
    settle()

    segment("recent", tree=RECENT)
    settle()
    assert members("recent") == {anna.pk}
    settle(NOON + 6 * DAY)
    assert members("recent") == set()


def test_who_is_joined_to_another_leaves_a_segment_that_is_put_away_as_well() -> None:
    anna, ben = people(2)
    CustomerProfile.objects.update(attributes=GERMANY)
    segment()
    settle()
    assert members("germans") == {anna.pk, ben.pk}
    Segment.objects.update(is_archived=True, is_stale=False)

    merges.merge(ben.pk, anna.pk, reason="manual", source="test", actor=None, now=NOON)
    settle()

    assert anna.pk not in members("germans")


def test_events_that_nobody_asks_about_are_forgotten_before_anybody_is_taken() -> None:
    anna, ben = people(2)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON - DAY, name="Cart Viewed")
    happen(ben.pk, at=NOON - DAY)

    done = upkeep.one_batch(now=NOON)

    assert (done.people, done.entered) == (1, 1)
    assert not SegmentTouch.objects.exists()
    assert members("recent") == {ben.pk}


def test_who_lost_events_is_looked_at_though_no_name_is_noted() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    happen(anna.pk, at=NOON - DAY)
    settle()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM personalization_event")

    settle()

    assert members("recent") == set()


def test_members_are_those_of_a_count_over_everybody_whatever_is_forgotten() -> None:
    chance = random.Random(5)
    some = people(12)
    for slug, tree in TREES.items():
        if slug != "birthday":
            segment(slug, tree=tree)
    settle()
    names = ("Product Viewed", "Cart Viewed", "Order Completed", "Product Added", "Searched")

    for step in range(30):
        now = NOON + step * 7 * HOUR
        for _ in range(chance.randint(0, 4)):
            happen(chance.choice(some).pk, at=now - HOUR, name=chance.choice(names))
        settle(now)
        assert {*checking.check_all(now=now).values()} == {Drift(missing=0, extra=0)}, step


def test_applying_wakes_nobody_for_segments_where_none_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(tasks.keep_segments, "delay", lambda: woken.append(True))
    Source.objects.create(slug=SHOP, name="Shop")

    accept([ground.event("m1")], source=SHOP, now=NOON)
    tasks.apply_inbox()
    assert woken == []
    segment("recent", tree=RECENT)
    accept([ground.event("m2")], source=SHOP, now=NOON)
    tasks.apply_inbox()
    assert woken == [True]
    assert Event.objects.count() == 2
