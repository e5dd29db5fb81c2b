"""Traits of everybody and of those who changed: the same values, whoever is asked for when."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent import ledger
from consent.models import DataSubject
from personalization import traits
from personalization.models import (
    CustomerProfile,
    Event,
    EventItem,
    Field,
    Product,
    ProfileDue,
    SegmentTouch,
    TraitModel,
)
from tests.campaigns.factories import order, person, product
from tests.consent.people import NOON, at_once
from tests.personalization.ground import real_commits
from tests.personalization.trait_worlds import crowd, happened, live, make_due, shelf, statement

__all__ = ["real_commits"]

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)
LATER = NOON + timedelta(hours=5)


def all_traits() -> dict[int, dict[str, Any]]:
    return dict(CustomerProfile.objects.values_list("pk", "traits"))


def opened(subject: DataSubject, *, at: datetime) -> None:
    happened(subject.pk, "Email Opened", at=at)


def define(
    name: str, *, type_: str = "number", purpose: str = "profiling", **definition: Any
) -> None:
    Field.objects.create(
        kind="traits", name=name, label=name, type=type_, purpose_id=purpose, definition=definition
    )


def define_some() -> None:
    define("views", event="Product Viewed", function="count", days=90)
    define("largest", event="Order Completed", function="max", property="total", days=None)
    define("opens", purpose="email_tracking", event="Email Opened", function="count", days=None)
    define("latest", type_="date", event="Product Added", function="last", days=None)


def change_some(
    ids: Sequence[int], *, chance: random.Random, products: Sequence[Product], now: datetime
) -> set[int]:
    """New, late, deleted and re-pointed events; consents given and taken back."""
    buyers, losers = chance.sample(ids, 8), chance.sample(ids, 4)
    live(buyers, chance=chance, products=products, now=now, days=30)
    Event.objects.filter(profile_id__in=losers[:2]).delete()
    EventItem.objects.filter(profile_id__in=losers[:2]).delete()
    Event.objects.filter(profile_id=losers[2]).update(profile_id=losers[3])
    EventItem.objects.filter(profile_id=losers[2]).update(profile_id=losers[3])
    said = [
        statement(pk, purpose, is_granted=chance.random() < 0.5, at=now)
        for pk in chance.sample(ids, 10)
        for purpose in ("profiling", "email_tracking")
    ]
    ledger.record_many(said)
    return {*buyers, *losers}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_changed_gets_the_values_a_full_run_would_give(seed: int) -> None:
    chance = random.Random(seed)
    define_some()
    products, ids = shelf(), crowd(190, chance=chance)
    live(ids, chance=chance, products=products)
    traits.compute(now=NOON)
    assert TraitModel.objects.get(name="lifetime").parameters["frequency"]
    for _ in range(3):
        make_due(change_some(ids, chance=chance, products=products, now=NOON))

        assert traits.compute_due(now=NOON) > 0
        incremental = all_traits()
        changed_by_full = traits.compute(now=NOON, refit=False)

        assert changed_by_full == 0
        assert all_traits() == incremental
    assert ProfileDue.objects.count() == 0
    names = {name for values in all_traits().values() for name in values}
    assert names == set(Field.objects.filter(kind="traits").values_list("name", flat=True))


def test_hours_later_the_changed_have_what_a_full_run_of_that_hour_gives() -> None:
    chance = random.Random(4)
    products, ids = shelf(), crowd(140, chance=chance)
    live(ids, chance=chance, products=products)
    traits.compute(now=NOON)
    changed = ids[:20]
    live(changed, chance=chance, products=products, now=LATER, days=3)
    make_due(changed)

    traits.compute_due(now=LATER)
    incremental = all_traits()
    traits.compute(now=LATER, refit=False)

    full = all_traits()
    assert {pk: incremental[pk] for pk in changed} == {pk: full[pk] for pk in changed}


def test_queries_do_not_grow_with_people() -> None:
    chance = random.Random(5)
    define_some()
    products, ids = shelf(), crowd(60, chance=chance)
    live(ids, chance=chance, products=products)
    counts = []
    for size in (2, 60):
        make_due(ids[:size])
        with CaptureQueriesContext(
            connection,
        ) as captured:
            traits.compute_due(now=NOON)
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 20


def test_nothing_due_changes_nothing() -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=1))
    traits.compute(now=NOON)

    assert traits.compute_due(now=NOON) == 0


@pytest.mark.parametrize("purpose", ["profiling", "email_tracking"])
def test_a_consent_taken_back_or_given_again_is_noticed_without_an_event(purpose: str) -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=3))
    opened(anna, at=NOON - timedelta(days=2))
    traits.compute(now=NOON)
    before = all_traits()[anna.pk]
    assert before["days_since_last_open"] == 2

    ledger.withdraw(anna, purpose=purpose, source="test", at=NOON)
    traits.compute_due(now=NOON)
    without = all_traits()[anna.pk]
    ledger.grant(anna, purpose=purpose, source="test", at=NOON + timedelta(seconds=1))
    traits.compute_due(now=NOON)

    assert "days_since_last_open" not in without
    assert (without == {}) is (purpose == "profiling")
    assert all_traits()[anna.pk] == before


def test_a_consent_is_news_until_the_traits_are_surely_younger() -> None:
    at = timezone.now()
    anna = person(at=at)
    moments = [at + timedelta(minutes=minutes) for minutes in (0, 2, 3)]

    worked_on = []
    for moment in moments:
        traits.compute_due(now=moment)
        worked_on.append(CustomerProfile.objects.get(pk=anna.pk).traits_at)

    # At once, again when no transaction can hide anything any more, and then no longer.
    assert worked_on == [moments[0], moments[1], moments[1]]


def test_an_open_counts_for_nothing_without_consent_to_tracking() -> None:
    anna, ben = person(1), person(2, granted=("email_marketing", "profiling"))
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=3))
        opened(subject, at=NOON - timedelta(days=2))

    traits.compute(now=NOON)

    found = all_traits()
    assert found[anna.pk]["engagement"] > found[ben.pk]["engagement"]
    assert "days_since_last_open" not in found[ben.pk]


def test_who_is_erased_or_merged_has_no_traits() -> None:
    anna, ben = person(1), person(2)
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))
    traits.compute(now=NOON)
    DataSubject.objects.filter(pk=anna.pk).update(merged_into=ben.pk)
    DataSubject.objects.filter(pk=ben.pk).update(erased_at=NOON, wrapped_key=None, email_index=None)

    traits.compute(now=NOON)

    assert all_traits() == {anna.pk: {}, ben.pk: {}}


def test_a_trait_whose_purpose_was_changed_needs_the_new_one() -> None:
    anna, ben = person(1), person(2, granted=("email_marketing", "profiling"))
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))
    Field.objects.filter(name="historic_value").update(purpose="email_tracking")

    traits.compute(now=NOON)

    found = all_traits()
    assert found[anna.pk]["historic_value"] == 19.9
    assert "historic_value" not in found[ben.pk]


@concurrent
@pytest.mark.usefixtures("real_commits")
def test_who_is_being_written_to_is_not_waited_for_and_stays_due() -> None:
    anna, ben = person(1), person(2)
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))
    traits.compute(now=NOON, refit=False)
    order(anna, product(3), at=NOON - timedelta(hours=1))
    order(ben, product(4), at=NOON - timedelta(hours=1))
    make_due([anna.pk, ben.pk])

    with transaction.atomic():
        CustomerProfile.objects.select_for_update().get(pk=anna.pk)
        done = at_once(lambda: traits.compute_due(now=NOON))

    assert done == [1]
    assert all_traits()[anna.pk]["order_count"] == 1
    assert list(ProfileDue.objects.values_list("profile_id", flat=True)) == [anna.pk]
    assert traits.compute_due(now=NOON) == 1
    assert all_traits()[anna.pk]["order_count"] == 2


@concurrent
@pytest.mark.usefixtures("real_commits")
def test_a_second_worker_leaves_the_work_to_the_first() -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=1))
    make_due([anna.pk])

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4712)")
        second = at_once(lambda: traits.compute_due(now=NOON))

    assert second == [0]
    assert traits.compute_due(now=NOON) == 1


def test_a_full_start_makes_everybody_due_and_the_next_runs_do_the_work() -> None:
    subjects = [person(number) for number in (1, 2, 3)]
    for subject in subjects:
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))

    assert traits.start_full(now=NOON) == 3
    assert traits.start_full(now=NOON) == 0
    assert traits.compute_due(now=NOON) == 3
    assert traits.compute(now=NOON, refit=False) == 0


def test_a_run_over_everybody_waits_behind_those_who_changed_alone() -> None:
    anna = person(1)
    boots = product()
    order(anna, boots, at=NOON - timedelta(days=3))
    make_due([anna.pk])
    traits.compute_due(now=NOON)
    alone = set(SegmentTouch.objects.filter(cause="profile").values_list("is_bulk", flat=True))
    SegmentTouch.objects.all().delete()

    order(anna, boots, at=NOON - timedelta(days=1))
    traits.compute(now=NOON)

    assert alone == {False}
    assert {each.is_bulk for each in SegmentTouch.objects.filter(cause="profile")} == {True}
