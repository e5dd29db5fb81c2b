"""Loading people: all that the trees need and the person allows, in five queries for any number."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import gate, ledger
from consent.models import ConsentState, DataSubject
from personalization.conditions.tree import NOTHING, Needs, needs, parse
from personalization.models import CustomerProfile, EventItem, Field, SegmentMembership
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile
from personalization.segments import membership
from tests.campaigns.factories import EVERYTHING, order, people, person, product, segment
from tests.consent.people import NOON
from tests.personalization.ground import event, take_in

pytestmark = pytest.mark.django_db

WHOLE = needs(
    parse(
        {
            "any": [
                {"event": "Order Completed",
                 "where": {"field": "product.category", "op": "eq", "value": "boots"},
                 "within": {"days": 30}},
                {"event": "Email Opened"},
                {"segment": "readers"},
            ]
        }
    )
)  # fmt: skip


def loaded(*subjects: DataSubject, wants: Needs = WHOLE, **given: Any) -> list[LoadedProfile]:
    permissions = gate.permissions(
        [subject.pk for subject in subjects], purpose="email_marketing", at=NOON
    )
    return load.profiles(permissions, needs=wants, catalogue=catalogue.load(), now=NOON, **given)


def history(subject: DataSubject) -> None:
    order(subject, product(subject.pk), at=NOON - timedelta(days=3))
    order(subject, product(subject.pk + 10_000), at=NOON - timedelta(days=300))
    take_in(event(f"o{subject.pk}", "Email Opened", subject_id=subject.pk))
    CustomerProfile.objects.filter(pk=subject.pk).update(traits={"order_count": 2})


def test_everything_that_is_allowed_is_there() -> None:
    anna = person()
    history(anna)
    segment()
    membership.rebuild_all(now=NOON)

    (profile,) = loaded(anna)

    assert profile.subject_id == anna.pk
    assert (profile.email, profile.personal["first_name"]) == ("anna1@example.com", "Anna")
    assert profile.facts.values == {
        "attributes.country": "DE", "attributes.city": "Berlin", "traits.order_count": 2,
    }  # fmt: skip
    assert {name: len(found) for name, found in profile.facts.events.items()} == {
        "Order Completed": 1, "Email Opened": 1,
    }  # fmt: skip
    (item,) = profile.facts.events["Order Completed"][0].items
    assert (item.category, item.quantity) == ("boots", 1)
    assert profile.facts.segments == {"readers"}
    assert [round(age) for _, age in profile.bought] == [3, 300]


@pytest.mark.parametrize(
    ("missing", "fields", "events", "bought"),
    [
        ("profiling", {"attributes.country", "attributes.city"}, {"Email Opened"}, 0),
        ("email_tracking",
         {"attributes.country", "attributes.city", "traits.order_count"}, {"Order Completed"}, 2),
        ("email_marketing", {"traits.order_count"}, {"Order Completed", "Email Opened"}, 2),
    ],
)  # fmt: skip
def test_without_a_purpose_its_fields_events_and_history_are_absent(
    missing: str, fields: set[str], events: set[str], bought: int
) -> None:
    anna = person()
    history(anna)
    ledger.withdraw(anna, purpose=missing, source="test", at=NOON)

    (profile,) = loaded(anna)

    assert set(profile.facts.values) == fields
    assert set(profile.facts.events) == events
    assert len(profile.bought) == bought


def test_a_consent_that_ran_out_is_no_consent() -> None:
    anna = person()
    history(anna)
    ConsentState.objects.filter(purpose="profiling").update(expires_at=NOON)

    (profile,) = loaded(anna)

    assert "traits.order_count" not in profile.facts.values
    assert profile.bought == ()


def test_unregistered_and_sensitive_values_are_absent() -> None:
    anna = person()
    Field.objects.create(
        kind="attributes", name="diet", label="Diet", type="text", purpose_id="profiling",
        is_sensitive=True,
    )  # fmt: skip
    CustomerProfile.objects.update(attributes={"diet": "kosher", "shoe": 39, "country": "DE"})

    (profile,) = loaded(anna)

    assert profile.facts.values == {"attributes.country": "DE"}


def test_only_what_is_asked_for_is_loaded() -> None:
    anna = person()
    history(anna)

    with CaptureQueriesContext(connection) as captured:
        (profile,) = load.profiles(
            gate.permissions([anna.pk], purpose="email_marketing", at=NOON),
            needs=NOTHING, catalogue=catalogue.load(), now=NOON, with_history=False,
        )  # fmt: skip

    own = [query["sql"] for query in captured if "personalization_event" in query["sql"]]
    assert all("event_daily" in sql for sql in own)
    assert (profile.facts.events, profile.facts.segments, profile.bought) == ({}, frozenset(), ())


def test_what_has_not_happened_yet_is_not_known() -> None:
    anna = person()
    order(anna, product(1), at=NOON + timedelta(minutes=1))

    (profile,) = loaded(anna)

    assert profile.facts.events == {}
    assert profile.bought == ()


def test_what_was_viewed_long_ago_is_forgotten_and_what_was_bought_is_not() -> None:
    anna, boots = person(), product(1)
    for age, name in ((100, "Product Viewed"), (80, "Product Viewed"), (900, "Order Completed")):
        made = order(anna, boots, at=NOON - timedelta(days=age))
        EventItem.objects.filter(event_id=made.pk).update(name=name)

    (profile,) = loaded(anna)

    assert [round(age) for _, age in profile.viewed] == [80]
    assert [round(age) for _, age in profile.bought] == [900]


def test_a_long_history_is_cut_and_its_newest_lines_stay_in_order() -> None:
    anna, items = person(), [product(number) for number in range(1, 71)]
    for age, item in enumerate(items):
        order(anna, item, at=NOON - timedelta(days=age))

    (profile,) = loaded(anna, wants=NOTHING)

    assert [key for key, _ in profile.bought] == [item.pk for item in items[:60]]


def test_nobody_sees_what_another_person_did() -> None:
    anna, ben = person(1), person(2, first_name="Ben")
    history(anna)

    profiles = {profile.subject_id: profile for profile in loaded(anna, ben)}

    assert profiles[ben.pk].facts.events == {}
    assert profiles[ben.pk].bought == ()
    assert profiles[ben.pk].personal["first_name"] == "Ben"


def test_fifty_people_cost_as_many_queries_as_one_and_never_over_five() -> None:
    everybody = people(50, granted=EVERYTHING[:1])
    for subject in everybody[:2]:
        for purpose in EVERYTHING:
            ledger.grant(subject, purpose=purpose, source="test", at=NOON)
        history(subject)
    known = catalogue.load()

    def queries(subjects: list[DataSubject]) -> int:
        permissions = gate.permissions(
            [subject.pk for subject in subjects], purpose="email_marketing", at=NOON
        )
        with CaptureQueriesContext(connection) as captured:
            found = load.profiles(permissions, needs=WHOLE, catalogue=known, now=NOON)
        assert len(found) == len(subjects)
        return len(captured)

    assert queries(everybody[:1]) == queries(everybody) <= 5


def test_who_was_erased_or_has_no_address_does_not_come_back() -> None:
    erased, nameless, anna = person(1), person(2), person(3)
    DataSubject.objects.filter(pk=erased.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )
    DataSubject.objects.filter(pk=nameless.pk).update(email_index=None)

    assert [profile.subject_id for profile in loaded(erased, nameless, anna)] == [anna.pk]
    assert loaded() == []


def test_a_printed_profile_names_nobody() -> None:
    anna = person()
    SegmentMembership.objects.all().delete()

    (profile,) = loaded(anna)

    assert "anna" not in repr(profile).lower()
    assert "Berg" not in repr(profile)
