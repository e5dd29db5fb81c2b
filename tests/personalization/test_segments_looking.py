"""Who changed is looked at for what their change can move, by what was compiled before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from personalization.models import (
    CustomerProfile,
    Field,
    Segment,
    SegmentRecheck,
    SegmentTouch,
)
from personalization.segments import checking, publish, standing, timing, upkeep
from personalization.segments.checking import Drift
from personalization.segments.standing import Standing
from tests.campaigns.factories import people, person
from tests.consent.people import NOON
from tests.personalization.factories import GERMANS, event, segment
from tests.personalization.test_segments_upkeep import (
    ABANDONED,
    DAY,
    HOUR,
    RECENT,
    TREES,
    happen,
    members,
    settle,
)

pytestmark = pytest.mark.django_db
VIEWED, ORDERED = frozenset({"Product Viewed"}), frozenset({"Order Completed"})


def current(now: datetime = NOON) -> Standing:
    return standing.standing(now=now)[0]


def birthdays() -> None:
    Field.objects.create(
        kind="attributes", name="birthday", label="Birthday", type="date",
        purpose_id="email_marketing",
    )  # fmt: skip


def drifts(now: datetime) -> set[Drift]:
    return set(checking.check_all(now=now).values())


def test_an_event_concerns_who_asks_for_it_and_what_is_made_of_them() -> None:
    birthdays()
    for slug, tree in TREES.items():
        segment(slug, tree=tree)
    settle()

    viewed = current().following(VIEWED)
    assert viewed.slugs == {"recent", "thrice", "quiet", "nested", "outer"}
    assert viewed.needs.fields == set()
    assert current().following(ORDERED).slugs == {"abandoned", "spent", "outer"}
    assert current().following(VIEWED | ORDERED).slugs == viewed.slugs | {"abandoned", "spent"}
    assert current().following(frozenset({"Cart Viewed"})).parts == []


def test_what_an_event_cannot_move_is_not_even_loaded() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    segment("spent", tree=TREES["spent"])
    settle()
    happen(anna.pk, at=NOON - DAY)

    with CaptureQueriesContext(connection) as captured:
        upkeep.one_batch(now=NOON)

    asked = [each["sql"] for each in captured if "personalization_event e" in each["sql"]]
    assert len(asked) == 1
    assert "Product Viewed" in asked[0]
    assert "Order Completed" not in asked[0]
    assert members("recent") == {anna.pk}


def test_what_an_event_did_not_move_still_ends_when_its_time_comes() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    segment("abandoned", tree=ABANDONED)
    settle()
    happen(anna.pk, at=NOON, name="Product Added")
    settle()
    assert SegmentRecheck.objects.get().due_at == NOON + DAY

    happen(anna.pk, at=NOON + HOUR)
    settle(NOON + HOUR)
    assert SegmentRecheck.objects.get().due_at == NOON + DAY
    settle(NOON + DAY)

    assert (members("recent"), members("abandoned")) == ({anna.pk}, {anna.pk})
    assert SegmentRecheck.objects.get().due_at == NOON + HOUR + 7 * DAY


def test_whose_time_has_come_is_looked_at_in_full_when_an_event_comes_as_well() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    segment("abandoned", tree=ABANDONED)
    settle()
    happen(anna.pk, at=NOON, name="Product Added")
    settle()

    # The worker was away for two days, and only the event is taken in this batch.
    happen(anna.pk, at=NOON + 2 * DAY)
    upkeep.one_batch(now=NOON + 2 * DAY, limit=1)

    assert (members("recent"), members("abandoned")) == ({anna.pk}, {anna.pk})


def test_an_event_of_which_only_is_known_that_it_is_gone_moves_everything() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    segment("abandoned", tree=ABANDONED)
    settle()
    happen(anna.pk, at=NOON - DAY)
    happen(anna.pk, at=NOON - 2 * DAY, name="Product Added")
    settle()
    assert (members("recent"), members("abandoned")) == ({anna.pk}, {anna.pk})

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM personalization_event WHERE profile_id = %s", [anna.pk])
    settle()

    assert (members("recent"), members("abandoned")) == (set(), set())


def test_an_event_reaches_segments_made_of_those_it_moves() -> None:
    anna, ben = person(1), person(2, country="FR")
    segment("germans")
    segment("recent", tree=RECENT)
    segment("both", tree={"all": [{"segment": "germans"}, {"segment": "recent"}]})
    settle()

    happen(anna.pk, at=NOON - DAY)
    happen(ben.pk, at=NOON - DAY)
    settle()

    assert (members("recent"), members("both")) == ({anna.pk, ben.pk}, {anna.pk})


def test_a_list_counts_for_what_is_made_of_it_when_an_event_comes() -> None:
    anna, ben = people(2)
    chosen = Segment.objects.create(slug="chosen", name="Chosen", kind="list")
    chosen.entries.create(subject=anna, added_at=NOON)
    segment("eager", tree={"all": [{"segment": "chosen"}, RECENT]})
    settle()

    happen(anna.pk, at=NOON - DAY)
    happen(ben.pk, at=NOON - DAY)
    settle()

    assert members("eager") == {anna.pk}
    assert drifts(NOON) == {Drift(0, 0)}


def test_segments_are_compiled_once_until_something_they_hang_on_changes() -> None:
    segment("germans")
    made = segment("recent", tree=RECENT)
    settle()
    first = current()
    assert current(NOON + DAY) is first

    Field.objects.filter(name="country").update(label="Land")
    second = current()
    assert second is not first
    publish.publisher.publish(made, content={"tree": {**RECENT, "within": {"days": 1}}}, now=NOON)
    settle()
    assert current() is not second

    Segment.objects.filter(slug="recent").update(is_archived=True)
    settle()
    assert current().slugs == {"germans"}


def test_a_fault_that_was_found_in_vain_is_found_again() -> None:
    segment("germans")
    settle()
    Field.objects.filter(name="country").delete()

    with transaction.atomic():
        assert current().slugs == set()
        transaction.set_rollback(True)
    assert Segment.objects.get().faults == []

    settle()
    assert Segment.objects.get().broken_since == NOON


def test_who_changed_before_all_segments_are_counted_is_not_looked_at_for_that() -> None:
    anna, ben = people(2)
    happen(anna.pk, at=NOON - DAY)
    segment("recent", tree=RECENT)
    assert SegmentTouch.objects.filter(profile_id__in=[anna.pk, ben.pk]).count() > 2

    assert upkeep.one_batch(now=NOON).rebuilt == 1
    assert not SegmentTouch.objects.exists()
    settle()
    assert SegmentRecheck.objects.get(profile_id=anna.pk).due_at == NOON + 6 * DAY
    settle(NOON + 6 * DAY)
    assert members("recent") == set()


def test_who_changed_before_one_segment_of_several_is_counted_is_looked_at() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON - DAY)
    segment("germans")

    assert upkeep.one_batch(now=NOON).rebuilt == 1
    assert SegmentTouch.objects.filter(cause="event").exists()
    settle()
    assert (members("recent"), members("germans")) == ({anna.pk}, {anna.pk})


def test_each_is_noted_once_for_all_conditions_that_are_new() -> None:
    some = people(5)
    for each in some:
        event(each.pk, at=NOON - DAY)
    for days in (2, 7, 30):
        segment(f"in-{days}", tree={"event": "Product Viewed", "within": {"days": days}})
    while upkeep.one_batch(now=NOON).rebuilt:
        pass
    SegmentTouch.objects.all().delete()
    Segment.objects.update(timed_up_to=0)

    assert timing.note_part(catalogue=current().catalogue, now=NOON)

    assert SegmentTouch.objects.filter(cause="definition").count() == 5
    assert not Segment.objects.exclude(timed_up_to=None).exists()


def test_a_condition_that_is_behind_catches_up_and_goes_on_with_the_others() -> None:
    some = people(6)
    for each in some:
        event(each.pk, at=NOON - DAY)
        event(each.pk, at=NOON - DAY, name="Product Added")
    for slug, name in (("viewed", "Product Viewed"), ("added", "Product Added")):
        segment(slug, tree={"event": name, "within": {"days": 7}})
    while upkeep.one_batch(now=NOON).rebuilt:
        pass
    SegmentTouch.objects.all().delete()
    Segment.objects.filter(slug="viewed").update(timed_up_to=some[3].pk)
    Segment.objects.filter(slug="added").update(timed_up_to=0)

    noted = []
    while timing.note_part(catalogue=current().catalogue, now=NOON):
        noted.append(SegmentTouch.objects.count())

    assert noted == [4, 6]


def test_what_comes_while_a_worker_is_at_it_counts_by_its_own_time() -> None:
    anna, ben, cleo = people(3)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON)
    happen(cleo.pk, at=NOON)
    moments = iter([NOON, NOON + HOUR, NOON + 2 * HOUR])

    def clock() -> datetime:
        now = next(moments)
        if now == NOON + HOUR:
            happen(ben.pk, at=now)
        return now

    upkeep.keep_up(clock=clock, limit=1, most=3)

    assert members("recent") == {anna.pk, ben.pk, cleo.pk}


def test_who_is_noted_just_before_a_worker_lets_go_waits_for_no_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna, ben = people(2)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON)
    real, late = upkeep.one_batch, [ben.pk]

    def and_then_another(**given: Any) -> upkeep.Done:
        done = real(**given)
        while late:
            happen(late.pop(), at=NOON)
        return done

    monkeypatch.setattr(upkeep, "one_batch", and_then_another)
    upkeep.keep_up(clock=lambda: NOON)

    assert members("recent") == {anna.pk, ben.pk}


def test_few_who_changed_take_one_batch() -> None:
    anna, ben = people(2)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON)
    happen(ben.pk, at=NOON)

    with CaptureQueriesContext(connection) as captured:
        assert upkeep.keep_up(clock=lambda: NOON).people == 2

    assert sum("pg_try_advisory" in each["sql"] for each in captured) == 1
    assert len(captured) <= 19


def test_moments_that_stay_are_not_written_again() -> None:
    anna = person(1)
    segment("germans", tree=GERMANS)
    segment("recent", tree=RECENT)
    settle()
    happen(anna.pk, at=NOON - DAY)
    settle()

    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={"country": "FR"})
    with CaptureQueriesContext(connection) as captured:
        settle(NOON + timedelta(minutes=1))

    assert members("germans") == set()
    written = [
        each["sql"] for each in captured if "INTO personalization_segment_recheck" in each["sql"]
    ]
    assert written == []
