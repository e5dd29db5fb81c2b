"""Members follow each change and the clock, and are those of a count over everybody."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import ledger
from consent.models import ConsentState, DataSubject
from personalization.merging import merge as merges
from personalization.models import (
    CustomerProfile,
    Event,
    Field,
    Product,
    Segment,
    SegmentDay,
    SegmentMembership,
    SegmentPast,
    SegmentRecheck,
    SegmentTouch,
)
from personalization.segments import (
    checking,
    health,
    membership,
    publish,
    standing,
    timing,
    upkeep,
)
from personalization.segments.checking import Drift
from tests.campaigns.factories import order, people, person, product
from tests.consent.people import NOON
from tests.personalization.factories import GERMANS, event, segment

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RECENT = {"event": "Product Viewed", "within": {"days": 7}}
ABANDONED = {
    "sequence": [
        {"event": "Product Added"},
        {"not": {"event": "Order Completed"}, "for": {"hours": 24}},
    ],
    "within": {"days": 30},
}


def happen(profile_id: int, *, at: datetime, name: str = "Product Viewed", **given: Any) -> Event:
    """An event, noted as who writes events notes it."""
    made = event(profile_id, at=at, name=name, **given)
    SegmentTouch.objects.create(
        profile_id=profile_id, cause="event", event_id=made.pk, event_name=name, event_at=at
    )
    return made


def members(slug: str) -> set[int]:
    found = SegmentMembership.objects.filter(segment__slug=slug)
    return set(found.values_list("profile_id", flat=True))


def settle(at: datetime = NOON) -> upkeep.Done:
    done = upkeep.catch_up(now=at)
    assert not SegmentTouch.objects.exists()
    return done


def test_somebody_enters_with_the_event_and_leaves_when_its_window_ends() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    settle()
    assert members("recent") == set()

    viewed = happen(anna.pk, at=NOON - DAY)
    settle(NOON)
    assert members("recent") == {anna.pk}
    assert SegmentRecheck.objects.get().due_at == NOON + 6 * DAY

    settle(NOON + 6 * DAY - timedelta(seconds=1))
    assert members("recent") == {anna.pk}
    settle(NOON + 6 * DAY)
    assert members("recent") == set()
    assert not SegmentRecheck.objects.exists()

    past = SegmentPast.objects.get()
    assert (past.entered_at, past.left_at) == (NOON, NOON + 6 * DAY)
    assert past.entered_why is not None
    assert past.left_why is not None
    assert past.entered_why["event"] == {
        "id": viewed.pk, "name": "Product Viewed", "at": viewed.occurred_at.isoformat(),
    }  # fmt: skip
    assert past.left_why["cause"] == "time"
    assert past.left_why["because"] == [
        {"text": "who have viewed a product in the last 7 days", "holds": False}
    ]


def test_a_cart_is_abandoned_a_day_after_and_an_order_ends_that() -> None:
    anna = person(1)
    segment("abandoned", tree=ABANDONED)
    settle()

    happen(anna.pk, at=NOON, name="Product Added")
    settle(NOON)
    settle(NOON + 24 * HOUR - timedelta(seconds=1))
    assert members("abandoned") == set()
    settle(NOON + 24 * HOUR)
    assert members("abandoned") == {anna.pk}
    settle(NOON + 30 * DAY)
    assert members("abandoned") == set()


def test_attributes_consents_and_identity_count_at_once() -> None:
    anna, ben = person(1), person(2, country="FR")
    segment("germans")
    segment("recent", tree=RECENT)
    happen(anna.pk, at=NOON - DAY)
    settle()
    assert (members("germans"), members("recent")) == ({anna.pk}, {anna.pk})

    CustomerProfile.objects.filter(pk=ben.pk).update(attributes={"country": "DE"})
    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)
    settle()
    assert (members("germans"), members("recent")) == ({anna.pk, ben.pk}, set())

    ledger.grant(anna, purpose="profiling", source="test", at=NOON + HOUR)
    settle(NOON + HOUR)
    assert members("recent") == {anna.pk}

    merges.merge(ben.pk, anna.pk, reason="manual", source="test", actor=None, now=NOON + HOUR)
    settle(NOON + 2 * HOUR)
    assert (members("germans"), members("recent")) == ({ben.pk}, {ben.pk})


def test_a_consent_that_runs_out_ends_what_was_built_on_it() -> None:
    anna = person(1)
    segment("recent", tree=RECENT)
    happen(anna.pk, at=NOON - DAY)
    ConsentState.objects.filter(subject=anna, purpose="profiling").update(expires_at=NOON + HOUR)
    settle()
    assert members("recent") == {anna.pk}

    settle(NOON + HOUR)
    assert members("recent") == set()


def test_who_was_erased_is_in_nothing() -> None:
    anna = person(1)
    segment("germans")
    settle()

    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )
    settle()

    assert members("germans") == set()


def test_a_product_that_changes_moves_those_who_bought_it() -> None:
    anna, cheese = person(1), product(1)
    order(anna, cheese, at=NOON - DAY)
    where = {"field": "product.category", "op": "eq", "value": "Oddities"}
    segment("odd", tree={"event": "Order Completed", "where": where})
    settle()
    assert members("odd") == set()

    Product.objects.filter(pk=cheese.pk).update(category="Oddities")
    settle()

    assert members("odd") == {anna.pk}


def test_a_new_version_is_counted_over_everybody_and_takes_along_what_is_made_of_it() -> None:
    anna, ben = person(1), person(2, country="FR")
    segment("inner")
    segment("outer", tree={"not": {"segment": "inner"}})
    settle()
    assert (members("inner"), members("outer")) == ({anna.pk}, {ben.pk})

    inner = Segment.objects.get(slug="inner")
    french = {"field": "attributes.country", "op": "eq", "value": "FR"}
    publish.publisher.publish(inner, content={"tree": french}, now=NOON)
    settle()

    assert (members("inner"), members("outer")) == ({ben.pk}, {anna.pk})
    why = SegmentMembership.objects.get(segment=inner).why
    assert why == {"cause": "definition"}


def test_people_of_a_new_condition_are_scheduled() -> None:
    anna = person(1)
    happen(anna.pk, at=NOON - DAY)
    settle()
    segment("recent", tree=RECENT)
    settle()

    assert members("recent") == {anna.pk}
    assert SegmentRecheck.objects.get().due_at == NOON + 6 * DAY


def test_sizes_are_kept_by_day() -> None:
    anna, ben = person(1), person(2, country="FR")
    made = segment("germans")
    settle()
    CustomerProfile.objects.filter(pk=ben.pk).update(attributes={"country": "DE"})
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={})
    settle(NOON + DAY)

    days = list(SegmentDay.objects.values_list("day", "size", "entered", "left"))
    assert days == [(NOON.date(), 1, 1, 0), ((NOON + DAY).date(), 1, 1, 1)]
    made.refresh_from_db()
    assert made.member_count == 1


def test_queries_do_not_grow_with_the_people() -> None:
    some = people(30)
    segment("germans")
    segment("recent", tree=RECENT)
    settle()

    def queries(count: int) -> int:
        for each in some[:count]:
            happen(each.pk, at=NOON - DAY)
        with CaptureQueriesContext(connection) as captured:
            upkeep.one_batch(now=NOON)
        SegmentMembership.objects.filter(segment__slug="recent").delete()
        return len(captured)

    queries(1)
    assert queries(2) == queries(30)


def test_a_deleted_field_breaks_the_segment_and_what_is_made_of_it() -> None:
    anna = person(1)
    segment("germans")
    segment("others", tree={"not": {"segment": "germans"}})
    segment("recent", tree=RECENT)
    settle()
    Field.objects.filter(name="country").delete()
    happen(anna.pk, at=NOON - HOUR)
    settle()

    germans, others = (Segment.objects.get(slug=slug) for slug in ("germans", "others"))
    assert "there is no field “attributes.country”" in health.first(germans)
    assert health.first(others) == "not: the segment “germans” is broken; mend that one first"
    assert set(Segment.objects.usable().values_list("slug", flat=True)) == {"recent"}
    assert members("recent") == {anna.pk}
    # Neither filled by the absence of the field nor emptied: nobody knows.
    assert (members("germans"), members("others")) == ({anna.pk}, set())


def test_a_segment_that_fails_on_the_way_breaks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    anna = person(1)
    for slug in ("bad", "good"):
        segment(slug)
    segment("on-bad", tree={"segment": "bad"})
    settle()
    real = standing.standing

    def with_a_fault(*, now: datetime) -> Any:
        current, stale = real(now=now)
        for part in current.parts:
            if part.slug == "bad":
                object.__setattr__(part, "timed", lambda *_: 1 / 0)
        return current, stale

    monkeypatch.setattr(standing, "standing", with_a_fault)
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={})
    settle()
    monkeypatch.undo()

    assert members("good") == set()
    assert members("bad") == {anna.pk}
    bad = Segment.objects.get(slug="bad")
    assert "ZeroDivisionError" in health.first(bad)
    health.settle(now=NOON)
    assert set(Segment.objects.usable().values_list("slug", flat=True)) == {"good"}

    health.forgive(bad)
    settle()
    assert members("bad") == set()
    assert Segment.objects.usable().count() == 3


TREES: dict[str, dict[str, Any]] = {
    "germans": GERMANS,
    "recent": RECENT,
    "abandoned": ABANDONED,
    "thrice": {"event": "Product Viewed", "count": {"op": "gte", "value": 3},
               "within": {"days": 3}},
    "quiet": {"not": {"event": "Product Viewed", "within": {"days": 2}}},
    "birthday": {"field": "attributes.birthday", "op": "within_last", "value": {"days": 2}},
    "spent": {"event": "Order Completed", "sum": {"property": "total", "op": "gte", "value": 50},
              "within": {"days": 5}},
    "half": {"field": "sample.a", "op": "lt", "value": 50},
    "nested": {"all": [{"segment": "half"}, {"not": {"segment": "recent"}}]},
    "outer": {"any": [{"segment": "nested"}, {"segment": "abandoned"}]},
}  # fmt: skip


def change(chance: random.Random, *, subject: DataSubject, now: datetime) -> None:
    match chance.choice(
        ["view", "view", "view", "add", "order", "profile", "withdraw", "grant", "grant", "lapse"]
    ):
        case "view":
            happen(subject.pk, at=now - HOUR * chance.choice([0, 1, 30, 100, -5]))
        case "add":
            happen(subject.pk, at=now - HOUR * chance.choice([0, 10]), name="Product Added")
        case "order":
            happen(subject.pk, at=now, name="Order Completed", amount=chance.choice([20, 30, 60]))
        case "profile":
            birthday = (now + HOUR * chance.choice([-60, -40, 5, 30])).isoformat()
            attributes = {"country": chance.choice(["DE", "FR"]), "birthday": birthday}
            CustomerProfile.objects.filter(pk=subject.pk).update(attributes=attributes)
        case "withdraw":
            ledger.withdraw(subject, purpose="profiling", source="test", at=now)
        case "grant":
            ledger.grant(subject, purpose="profiling", source="test", at=now)
        case "lapse":
            state = ConsentState.objects.filter(subject=subject, purpose="profiling")
            state.update(expires_at=now + HOUR * chance.choice([1, 20, 50]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kept_person_by_person_it_is_what_a_full_count_finds(seed: int) -> None:
    chance, now = random.Random(seed), NOON
    Field.objects.create(
        kind="attributes", name="birthday", label="Birthday", type="date",
        purpose_id="email_marketing",
    )  # fmt: skip
    some = [person(number) for number in range(1, 13)]
    for slug, tree in TREES.items():
        segment(slug, tree=tree)

    for step in range(12):
        for _ in range(chance.choice([0, 5, 12])):
            change(chance, subject=chance.choice(some), now=now)
        if step == 8:
            kept, absorbed = some.pop(), some.pop()
            merges.merge(kept.pk, absorbed.pk, reason="manual", source="test", actor=None, now=now)
            some.append(kept)
        settle(now)
        found = checking.check_all(now=now)
        assert found == dict.fromkeys(TREES, Drift(0, 0)), (step, found)
        now += HOUR * chance.choice([1, 7, 23, 50])

    assert SegmentPast.objects.count() > 8


def test_whom_time_will_move_is_found_out_in_parts_behind_those_who_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = people(5)
    for each in some[::2]:
        event(each.pk, at=NOON - DAY)
    upkeep.catch_up(now=NOON)
    monkeypatch.setattr(timing, "PART", 2)
    made = segment("recent", tree=RECENT)

    assert membership.rebuild(made, now=NOON).size == 3
    made.refresh_from_db()
    # Counted at once; nobody is queued by the count itself.
    assert (timing.progress(made), SegmentTouch.objects.count()) == (0, 0)
    percents = []
    while upkeep.one_batch(now=NOON).is_noted:
        made.refresh_from_db()
        percents.append(timing.progress(made))
        happen(some[1].pk, at=NOON + HOUR)
        assert upkeep.one_batch(now=NOON).people >= 1

    assert percents[-1] is None
    assert len(percents) == 3
    assert {each.profile_id for each in SegmentRecheck.objects.filter(due_at=NOON + 6 * DAY)} == {
        each.pk for each in some[::2]
    }
