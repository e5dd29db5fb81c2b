"""Traits a marketer defines: each function, its window, and clear words for what cannot be."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from consent.models import DataSubject
from personalization import traits
from personalization.models import CustomerProfile, Field
from personalization.traits.definition import Aggregate, DefinitionError, as_stored, parse
from tests.campaigns.factories import person
from tests.consent.people import NOON
from tests.personalization.trait_worlds import happened

pytestmark = pytest.mark.django_db


def computed(
    subject: DataSubject, *, type_: str = "number", purpose: str = "profiling", **definition: Any
) -> Any:
    Field.objects.create(
        kind="traits", name="own", label="Own", type=type_, purpose_id=purpose,
        definition={"property": "", "days": None, **definition},
    )  # fmt: skip
    traits.compute(now=NOON)
    return CustomerProfile.objects.get(pk=subject.pk).traits.get("own")


@pytest.fixture
def anna() -> DataSubject:
    """Three reviews: 40 days ago, 5 days ago, and today; 10 stars are no number."""
    subject = person()
    for days, stars, words in ((40, 2, "meh"), (5, 4.5, "good"), (0.5, "10", "best")):
        happened(
            subject.pk,
            "Product Reviewed",
            at=NOON - timedelta(days=days),
            amount=Decimal(days) if days else None,
            properties={"stars": stars, "words": words, "is_first": days == 40},
        )
    happened(subject.pk, "Product Reviewed", at=NOON - timedelta(days=1), is_machine=True)
    happened(subject.pk, "Product Reviewed", at=NOON + timedelta(days=1))
    happened(subject.pk, "Product Viewed", at=NOON - timedelta(days=2))
    return subject


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"function": "count"}, 3),
        ({"function": "count", "days": 30}, 2),
        ({"function": "sum", "property": "stars"}, 6.5),
        ({"function": "avg", "property": "stars"}, 3.25),
        ({"function": "min", "property": "stars", "days": 30}, 4.5),
        ({"function": "max", "property": "stars"}, 4.5),
        ({"function": "max", "property": "total"}, 40),
        ({"function": "days_since"}, 0),
        ({"function": "first", "property": "stars"}, 2),
        ({"function": "last", "property": "stars"}, 4.5),
        ({"function": "last", "property": "total"}, 0.5),
        ({"function": "last", "property": "words", "type_": "text"}, "best"),
        ({"function": "first", "property": "words", "days": 30, "type_": "text"}, "good"),
        ({"function": "first", "property": "is_first", "type_": "boolean"}, True),
        ({"function": "first", "type_": "date"}, "2026-01-21T12:00:00Z"),
        ({"function": "last", "type_": "date"}, "2026-03-02T00:00:00Z"),
        ({"function": "sum", "property": "nothing"}, None),
        ({"function": "first", "property": "nothing", "type_": "text"}, None),
    ],
)
def test_each_function_looks_at_the_persons_own_events(
    anna: DataSubject, definition: dict[str, Any], value: object
) -> None:
    assert computed(anna, event="Product Reviewed", **definition) == value


def test_what_never_happened_is_absent_not_nought(anna: DataSubject) -> None:
    assert computed(anna, event="Product Added", function="count") is None


def test_an_aggregate_needs_its_own_purpose_too() -> None:
    ben = person(2, granted=("email_marketing", "profiling"))
    happened(ben.pk, "Email Opened", at=NOON - timedelta(days=1))

    found = computed(ben, purpose="email_tracking", event="Email Opened", function="count")

    assert found is None


def test_more_aggregates_than_a_function_of_the_database_takes_are_computed() -> None:
    anna = person()
    happened(anna.pk, "Product Viewed", at=NOON - timedelta(days=1))
    for number in range(95):
        Field.objects.create(
            kind="traits", name=f"own_{number}", label="Own", type="number",
            purpose_id="profiling", definition={"event": "Product Viewed", "function": "count"},
        )  # fmt: skip

    traits.compute(now=NOON)

    own = [name for name in CustomerProfile.objects.get().traits if name.startswith("own_")]
    assert len(own) == 95


@pytest.mark.parametrize(
    ("given", "type_", "part", "words"),
    [
        ({}, "number", "event", "Name the event"),
        ({"event": "X" * 121}, "number", "event", "at most 120"),
        ({"event": "X", "function": "median"}, "number", "function", "choose one of: count"),
        ({"event": "X", "function": "sum"}, "number", "property", "needs a property"),
        (
            {"event": "X", "function": "count", "property": "p"},
            "number",
            "property",
            "leave the property empty",
        ),
        ({"event": "X", "function": "count"}, "text", "type", "gives a number, not a text"),
        ({"event": "X", "function": "last"}, "text", "type", "gives a date"),
        (
            {"event": "X", "function": "last", "property": "p"},
            "list",
            "type",
            "text or number or boolean",
        ),
        ({"event": "X", "function": "count", "days": 0}, "number", "days", "from 1 to 3,650"),
        ({"event": "X", "function": "count", "days": True}, "number", "days", "whole number"),
        ({"event": "X", "function": "count", "days": "7"}, "number", "days", "whole number"),
    ],
)
def test_a_definition_that_cannot_be_says_what_to_mend(
    given: dict[str, Any], type_: str, part: str, words: str
) -> None:
    with pytest.raises(DefinitionError, match=words) as caught:
        parse(given, name="own", type_=type_, purpose="profiling")

    assert caught.value.part == part


@pytest.mark.parametrize(
    ("given", "type_", "sentence"),
    [
        (
            {"event": "Product Viewed", "function": "count", "days": 30},
            "number",
            "How many times “Product Viewed” happened in the last 30 days",
        ),
        (
            {"event": "Order Completed", "function": "avg", "property": "total"},
            "number",
            "The average of “total” of “Order Completed”",
        ),
        (
            {"event": "Coupon Applied", "function": "days_since"},
            "number",
            "Days since the last “Coupon Applied”",
        ),
        (
            {"event": "Coupon Applied", "function": "first"},
            "date",
            "When “Coupon Applied” happened for the first time",
        ),
    ],
)
def test_a_definition_reads_as_a_sentence_and_is_stored_as_given(
    given: dict[str, Any], type_: str, sentence: str
) -> None:
    aggregate: Aggregate = parse(given, name="own", type_=type_, purpose="profiling")

    assert aggregate.sentence == sentence
    stored = as_stored(aggregate)
    assert parse(stored, name="own", type_=type_, purpose="profiling") == aggregate
