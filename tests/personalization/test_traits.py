"""Traits: right to the cent, only for who allows profiling, gone when they no longer do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from consent import ledger
from consent.models import ConsentState, DataSubject
from personalization import traits
from personalization.models import CustomerProfile, Event, EventItem, Product
from tests.campaigns.factories import EVERYTHING, order, person, product
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db
YEARLY = {
    *("recency_days", "order_count", "total_spent", "average_order_value", "favourite_category"),
    *("rfm", "rfm_recency", "rfm_frequency", "rfm_monetary"),
}


def traits_of(subject: DataSubject) -> dict[str, Any]:
    found: dict[str, Any] = CustomerProfile.objects.get(pk=subject.pk).traits
    return found


def of_the_year(subject: DataSubject) -> dict[str, Any]:
    """The traits of the orders of the last year alone."""
    return {name: value for name, value in traits_of(subject).items() if name in YEARLY}


def test_recency_frequency_money_and_favourite_are_those_of_the_last_year() -> None:
    anna = person()
    boots, tent = product(1, category="boots"), product(2, category="tents")
    Product.objects.filter(pk=tent.pk).update(price=Decimal("100.01"))
    tent.refresh_from_db()
    order(anna, boots, boots, at=NOON - timedelta(days=10, hours=23))
    order(anna, boots, tent, at=NOON - timedelta(days=200))
    order(anna, tent, tent, at=NOON - timedelta(days=366))
    order(anna, tent, at=NOON + timedelta(days=1))

    changed = traits.compute(now=NOON)

    # 19.90 + 19.90, and 19.90 + 100.01
    assert changed == 1
    assert of_the_year(anna) == {
        "recency_days": 10,
        "order_count": 2,
        "total_spent": 159.71,
        "average_order_value": 79.86,
        "favourite_category": "tents",
        # The only buyer there is: as recent as anybody, and nobody buys less.
        "rfm": "511",
        "rfm_recency": 5,
        "rfm_frequency": 1,
        "rfm_monetary": 1,
    }
    # 200.02 of the year before, too.
    assert traits_of(anna)["historic_value"] == 359.73


def test_quantity_counts_for_the_favourite_and_a_tie_is_settled_by_name() -> None:
    anna, ben = person(1), person(2)
    boots, tent = product(1, category="boots"), product(2, category="apples")
    order(anna, boots, tent, at=NOON - timedelta(days=1))
    order(ben, boots, tent, at=NOON - timedelta(days=1))
    EventItem.objects.filter(profile_id=ben.pk, product_id=boots.pk).update(quantity=3)

    traits.compute(now=NOON)

    assert traits_of(anna)["favourite_category"] == "apples"
    assert traits_of(ben)["favourite_category"] == "boots"


def test_nothing_of_orders_is_derived_of_who_only_looked() -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=1))
    Event.objects.update(name="Product Viewed")
    EventItem.objects.update(name="Product Viewed")

    traits.compute(now=NOON)

    assert traits_of(anna) == {
        "days_since_last_view": 1,
        "engagement": 8.9,
        "category_affinities": ["boots"],
    }


def test_nothing_is_derived_without_consent_to_profiling() -> None:
    anna = person(granted=("email_marketing", "email_tracking"))
    order(anna, product(1), at=NOON - timedelta(days=1))

    assert traits.compute(now=NOON) == 0
    assert traits_of(anna) == {}


@pytest.mark.parametrize("way", ["withdrawn", "expired"])
def test_traits_are_taken_away_when_the_consent_is_gone(way: str) -> None:
    anna, ben = person(1), person(2)
    for subject in (anna, ben):
        order(subject, product(subject.pk), at=NOON - timedelta(days=1))
    traits.compute(now=NOON)
    assert traits_of(anna)["order_count"] == 1

    if way == "withdrawn":
        ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)
    else:
        ConsentState.objects.filter(subject=anna, purpose="profiling").update(expires_at=NOON)

    assert traits.compute(now=NOON) == 1
    assert traits_of(anna) == {}
    assert traits_of(ben)["order_count"] == 1


def test_a_sensitive_product_is_never_somebodys_favourite() -> None:
    anna = person(granted=EVERYTHING)
    order(anna, product(1, category="pregnancy tests"), at=NOON - timedelta(days=1))
    order(anna, product(2, category="tea"), at=NOON - timedelta(days=1))
    Product.objects.filter(product_id="P1").update(is_sensitive=True, price=99)
    EventItem.objects.filter(product_id=Product.objects.get(product_id="P1").pk).update(price=99)

    traits.compute(now=NOON)

    assert traits_of(anna)["favourite_category"] == "tea"
    assert traits_of(anna)["order_count"] == 2


def test_only_sensitive_products_leave_no_favourite_at_all() -> None:
    anna = person()
    order(anna, product(1, category="pregnancy tests"), at=NOON - timedelta(days=1))
    Product.objects.update(is_sensitive=True)

    traits.compute(now=NOON)

    assert "favourite_category" not in traits_of(anna)


def test_computing_again_changes_nothing_and_a_year_later_the_years_figures_are_gone() -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=1))

    assert traits.compute(now=NOON) == 1
    assert traits.compute(now=NOON) == 0
    assert traits.compute(now=NOON + timedelta(days=366)) == 1
    assert traits_of(anna) == {"historic_value": 19.9}
