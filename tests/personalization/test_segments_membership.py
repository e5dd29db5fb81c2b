"""Who is in a segment: who enters, who leaves, inner segments first, nobody who is gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import ledger
from consent.models import ConsentState, DataSubject
from personalization import traits
from personalization.models import CustomerProfile, Segment, SegmentMembership, SegmentVersion
from personalization.segments import membership
from personalization.segments import publish as segments
from personalization.segments.membership import Change
from personalization.versions import ContentInvalid
from tests.campaigns.factories import order, people, person, product
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db

BUYERS = {"field": "traits.order_count", "op": "gte", "value": 1}
GERMANS = {"field": "attributes.country", "op": "eq", "value": "DE"}
RECENT = {"event": "Order Completed", "within": {"days": 7}}


def live(slug: str, tree: dict[str, Any]) -> Segment:
    made = Segment.objects.create(slug=slug, name=slug)
    segments.publisher.publish(made, content={"tree": tree}, now=NOON)
    return Segment.objects.get(pk=made.pk)


def members(segment: Segment) -> set[int]:
    return set(segment.memberships.values_list("profile_id", flat=True))


def test_people_enter_and_leave_and_who_stays_keeps_the_day_of_entering() -> None:
    anna, ben = person(1), person(2, country="FR")
    segment = live("germans", GERMANS)
    later = NOON + timedelta(days=1)

    first = membership.rebuild(segment, now=NOON)
    CustomerProfile.objects.filter(pk=ben.pk).update(attributes={"country": "DE"})
    second = membership.rebuild(segment, now=later)
    entered = dict(SegmentMembership.objects.values_list("profile_id", "entered_at"))
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={})
    third = membership.rebuild(segment, now=later)

    assert (first, second, third) == (Change(1, 1, 0), Change(2, 1, 0), Change(1, 0, 1))
    assert entered == {anna.pk: NOON, ben.pk: later}
    assert members(segment) == {ben.pk}
    segment.refresh_from_db()
    assert (segment.member_count, segment.counted_at) == (1, later)


def test_nothing_changed_means_nothing_is_written() -> None:
    people(3)
    segment = live("germans", GERMANS)
    membership.rebuild(segment, now=NOON)
    before = list(SegmentMembership.objects.values())

    assert membership.rebuild(segment, now=NOON + timedelta(days=1)) == Change(3, 0, 0)
    assert list(SegmentMembership.objects.values()) == before


@pytest.mark.parametrize("way", ["withdrawn", "objected", "expired"])
def test_who_takes_profiling_back_leaves_what_was_built_on_it(way: str) -> None:
    anna, ben = person(1), person(2)
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))
    traits.compute(now=NOON)
    built_on_it = [
        live("buyers", BUYERS),
        live("recent", RECENT),
        live("both", {"segment": "buyers"}),
    ]
    plain = live("germans", GERMANS)
    membership.rebuild_all(now=NOON)
    assert all(members(each) == {anna.pk, ben.pk} for each in [*built_on_it, plain])

    if way == "expired":
        ConsentState.objects.filter(subject=anna, purpose="profiling").update(expires_at=NOON)
    else:
        say = ledger.withdraw if way == "withdrawn" else ledger.object_to
        say(anna, purpose="profiling", source="test", at=NOON)
    changes = membership.rebuild_all(now=NOON)

    assert [members(each) for each in built_on_it] == [{ben.pk}] * 3
    assert members(plain) == {anna.pk, ben.pk}
    assert {slug: change.left for slug, change in changes.items()} == {
        "buyers": 1, "recent": 1, "both": 1, "germans": 0,
    }  # fmt: skip


def test_segments_made_of_others_are_right_in_one_pass_whatever_their_names() -> None:
    person(1)
    person(2, country="FR")
    live("z-inner", GERMANS)
    live("m-middle", {"not": {"segment": "z-inner"}})
    live("a-outer", {"all": [{"segment": "m-middle"}, {"not": {"segment": "z-inner"}}]})

    changes = membership.rebuild_all(now=NOON)

    assert list(changes) == ["z-inner", "m-middle", "a-outer"]
    assert [change.size for change in changes.values()] == [1, 1, 1]


def test_a_circle_that_came_about_by_hand_is_broken_and_not_counted() -> None:
    person(1)
    first, second = live("first", GERMANS), live("second", {"segment": "first"})
    version = SegmentVersion.objects.create(
        of=first, number=2, state="live", content={"tree": {"segment": "second"}}, published_at=NOON
    )
    Segment.objects.filter(pk=first.pk).update(live=version)

    assert membership.rebuild_all(now=NOON) == {}
    assert members(second) == set()
    first.refresh_from_db()
    second.refresh_from_db()
    assert "first → second → first" in first.faults[0]["message"]
    assert "second → first → second" in second.faults[0]["message"]


def test_a_segment_that_is_not_live_has_nobody() -> None:
    person(1)
    segment = Segment.objects.create(slug="draft", name="Draft")
    segments.publisher.save_draft(segment, content={"tree": GERMANS})

    assert membership.rebuild(segment, now=NOON) == Change(0, 0, 0)
    assert membership.rebuild_all(now=NOON) == {}


def test_who_was_erased_or_merged_is_in_no_segment() -> None:
    anna, ben, cleo = person(1), person(2), person(3)
    segment = live("germans", GERMANS)
    membership.rebuild(segment, now=NOON)

    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )
    DataSubject.objects.filter(pk=ben.pk).update(merged_into=cleo)

    assert membership.rebuild(segment, now=NOON) == Change(1, 0, 2)
    assert members(segment) == {cleo.pk}
    assert segment.live is not None
    assert membership.count(segment.live, now=NOON) == 1


def test_counting_stores_nothing_and_agrees_with_the_members() -> None:
    people(4)
    person(9, country="FR")
    segment = live("germans", GERMANS)
    assert segment.live is not None

    assert membership.count(segment.live, now=NOON) == 4
    assert not SegmentMembership.objects.exists()
    assert membership.rebuild(segment, now=NOON).size == 4


def test_a_rebuild_takes_as_many_queries_for_many_as_for_one() -> None:
    segment = live("germans", GERMANS)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            membership.rebuild(segment, now=NOON)
        return len(captured)

    person(1)
    queries()
    first = queries()
    for number in range(2, 12):
        person(number)

    assert queries() == first


def test_a_segment_made_of_a_draft_or_an_archived_one_is_kept_as_a_draft_but_not_put_live() -> None:
    inner = Segment.objects.create(slug="inner", name="inner")
    outer = Segment.objects.create(slug="outer", name="outer")
    tree = {"all": [GERMANS, {"not": {"segment": "inner"}}]}
    draft = segments.publisher.save_draft(outer, content={"tree": tree})

    with pytest.raises(ContentInvalid) as refused:
        segments.publisher.put_live(draft, now=NOON)
    segments.publisher.publish(inner, content={"tree": BUYERS}, now=NOON)
    segments.publisher.put_live(draft, now=NOON)
    Segment.objects.filter(pk=inner.pk).update(is_archived=True)
    with pytest.raises(ContentInvalid) as refused_later:
        segments.publisher.publish(outer, content={"tree": tree}, now=NOON)

    (problem,), (later,) = refused.value.problems, refused_later.value.problems
    assert problem.path == later.path == "tree.all[1].not"
    assert "no live version" in problem.message
    assert "archived" in later.message
    outer.refresh_from_db()
    assert outer.live == draft
