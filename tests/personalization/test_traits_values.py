"""What single traits say: net of refunds, in the person's own hour, of the categories they like."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from consent.models import DataSubject
from personalization import traits
from personalization.commerce import state
from personalization.models import CustomerProfile, EventItem, Field, Product, TraitModel
from tests.campaigns.factories import order, orders, people, person, product
from tests.consent.people import NOON
from tests.personalization.trait_worlds import all_happened, happened

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def derived(subject: DataSubject, *, now: datetime = NOON) -> dict[str, Any]:
    state.refresh([subject.pk], now=now)
    traits.compute(now=now)
    found: dict[str, Any] = CustomerProfile.objects.get(pk=subject.pk).traits
    return found


def bought(subject: DataSubject, number: str, *, total: str, at: datetime) -> None:
    happened(
        subject.pk, "Order Completed", at=at, amount=Decimal(total), properties={"order_id": number}
    )


def changed(subject: DataSubject, name: str, number: str, *, amount: str | None) -> None:
    happened(
        subject.pk,
        name,
        at=NOON - DAY,
        amount=Decimal(amount) if amount else None,
        properties={"order_id": number},
    )


def looked(
    subject: DataSubject, item: Product, *, name: str = "Product Viewed", at: datetime = NOON - DAY
) -> None:
    event = happened(subject.pk, name, at=at)
    EventItem.objects.create(
        event_id=event.pk, line=0, occurred_at=at, profile_id=subject.pk, name=name,
        product_id=item.pk, quantity=1, price=item.price,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "amount", "spent", "count"),
    [
        ("Order Refunded", "30.00", 170.0, 2),
        ("Order Refunded", None, 100.0, 2),
        ("Order Refunded", "500.00", 100.0, 2),
        ("Order Cancelled", None, 100.0, 1),
        ("Order Updated", "80.00", 180.0, 2),
    ],
)
def test_money_is_what_stays_after_refunds_and_cancellations(
    name: str, amount: str | None, spent: float, count: int
) -> None:
    anna = person()
    bought(anna, "O-1", total="100", at=NOON - 5 * DAY)
    bought(anna, "O-2", total="100", at=NOON - 4 * DAY)
    changed(anna, name, "O-1", amount=amount)

    found = derived(anna)

    assert (found["total_spent"], found["historic_value"]) == (spent, spent)
    assert found["order_count"] == count
    assert found["average_order_value"] == round(spent / count, 2)


def test_an_order_that_was_not_folded_yet_counts_all_the_same() -> None:
    anna = person()
    bought(anna, "O-1", total="100", at=NOON - DAY)

    traits.compute(now=NOON)

    assert CustomerProfile.objects.get(pk=anna.pk).traits["total_spent"] == 100


def test_the_category_of_a_cancelled_order_is_no_favourite() -> None:
    anna = person()
    tea, boots = product(1, category="tea"), product(2, category="boots")
    kept = order(anna, tea, at=NOON - DAY)
    gone = order(anna, boots, boots, boots, at=NOON - DAY)
    type(gone).objects.filter(pk=gone.pk).update(properties={"order_id": "O-1"})
    changed(anna, "Order Cancelled", "O-1", amount=None)

    found = derived(anna)

    assert kept.pk != gone.pk
    assert found["favourite_category"] == "tea"
    assert found["category_affinities"] == ["tea"]


def test_affinities_name_the_three_best_loved_fresher_and_stronger_signs_first() -> None:
    anna = person()
    shelf = [product(n, category=name) for n, name in enumerate(["tea", "cups", "pots", "jam"])]
    Product.objects.filter(pk=shelf[2].pk).update(brand="Clay & Co")
    Product.objects.filter(pk=shelf[3].pk).update(brand="Berry")
    tea, cups, pots, jam = shelf
    looked(anna, tea)
    looked(anna, tea)
    looked(anna, cups, name="Product Added")
    looked(anna, pots, name="Product Added", at=NOON - 180 * DAY)
    order(anna, jam, at=NOON - DAY)
    looked(anna, product(9, category="shoes"), at=NOON - 366 * DAY)

    found = derived(anna)

    # 5 points, 3 points, 2 × 1; the pots' 3 points of half a year ago are worth ¾ today.
    assert found["category_affinities"] == ["jam", "cups", "tea"]
    assert found["brand_affinities"] == ["Berry", "Clay & Co"]


@pytest.mark.parametrize(
    ("zone", "granted", "hour"),
    [
        ("Europe/Berlin", ("email_marketing", "profiling"), 21),
        ("America/New_York", ("email_marketing", "profiling"), 15),
        ("Nowhere/Atlantis", ("email_marketing", "profiling"), 20),
        ("", ("email_marketing", "profiling"), 20),
        # The zone was given for mails.
        ("Europe/Berlin", ("profiling",), 20),
    ],
)
def test_the_hour_is_that_of_the_persons_own_clock(
    zone: str, granted: Sequence[str], hour: int
) -> None:
    anna = person(granted=granted)
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={"timezone": zone})
    for days in (10, 11):
        happened(anna.pk, "Product Viewed", at=datetime(2026, 2, days, 20, 30, tzinfo=UTC))
    happened(anna.pk, "Product Viewed", at=datetime(2026, 2, 12, 3, tzinfo=UTC))
    happened(anna.pk, "Email Sent", at=datetime(2026, 2, 12, 3, tzinfo=UTC))

    assert derived(anna)["preferred_hour"] == hour


def test_two_acts_are_no_habit_and_a_scanner_is_nobody() -> None:
    anna = person()
    happened(anna.pk, "Product Viewed", at=NOON - DAY)
    happened(anna.pk, "Email Opened", at=NOON - 3 * DAY)
    for minutes in range(9):
        at = NOON - timedelta(minutes=minutes)
        happened(anna.pk, "Email Opened", at=at, is_machine=True)

    found = derived(anna)

    assert "preferred_hour" not in found
    assert (found["days_since_last_view"], found["days_since_last_open"]) == (1, 3)


def test_engagement_halves_its_points_every_thirty_days() -> None:
    anna = person()
    order(anna, product(1), at=NOON)
    order(anna, product(2), at=NOON - 30 * DAY)
    happened(anna.pk, "Their Own Event", at=NOON - 60 * DAY)

    # 10 + 5 + ¼ points
    assert derived(anna)["engagement"] == round(100 * 15.25 / 35.25, 1)


def crowd_of_buyers(size: int = 130) -> list[DataSubject]:
    """Who has bought every month, and who once long ago, by turns."""
    found = people(size)
    bought = [
        (index, subject.pk, NOON - timedelta(days=30 * month + index % 11))
        for index, subject in enumerate(found)
        for month in (range(1, 10) if index % 2 else [13 + index % 3])
    ]
    all_happened(
        "Order Completed",
        [(pk, at) for _, pk, at in bought],
        amounts=[Decimal(20 + index % 7) for index, _, _ in bought],
    )
    return found


def test_the_faithful_are_worth_more_and_leave_less_than_who_came_once() -> None:
    found = crowd_of_buyers()
    traits.compute(now=NOON)

    once, often = (CustomerProfile.objects.get(pk=found[index].pk).traits for index in (0, 1))

    assert often["predicted_value_12m"] > 100 > once["predicted_value_12m"]
    assert often["churn_probability"] < 0.1 < 0.5 < once["churn_probability"]
    assert NOON.date().isoformat() < often["next_order_date"] < "2026-06-01"
    assert "next_order_date" not in once
    assert (often["rfm_recency"], often["rfm"][0]) == (5, "5")
    assert "rfm" not in once
    row = TraitModel.objects.get(name="lifetime")
    assert row.people == 130
    held_out = row.metrics["held_out"]
    assert held_out["mae"]["model"] < held_out["mae"]["everybody_alike"]


def test_a_crowd_too_small_for_a_model_gets_no_guesses() -> None:
    anna = person()
    order(anna, product(1), at=NOON - DAY)

    found = derived(anna)

    assert {"predicted_value_12m", "churn_probability", "next_order_date"}.isdisjoint(found)
    assert TraitModel.objects.get(name="lifetime").metrics == {"buyers": 1, "repeaters": 0}


def test_every_trait_of_ours_stands_in_the_catalogue_with_its_type() -> None:
    found = people(120)
    shirt = product(1)
    Product.objects.update(brand="Wool & Co")
    times = [NOON - 29 * month * DAY for month in (1, 2, 3, 4)]
    orders([(subject, at) for subject in found for at in times], items=[shirt])
    looked(found[0], shirt)
    all_happened("Email Opened", [(subject.pk, NOON - DAY) for subject in found])
    traits.compute(now=NOON)
    values = CustomerProfile.objects.get(pk=found[0].pk).traits
    types = dict(Field.objects.filter(kind="traits").values_list("name", "type"))

    assert set(values) == set(types)
    kinds: dict[str, tuple[type, ...]] = {
        "text": (str,), "number": (int, float), "date": (str,), "list": (list,),
    }  # fmt: skip
    for name, value in values.items():
        assert isinstance(value, kinds[types[name]]), name
