"""Offers: true reasons, only what can be bought, and nothing personal for who refused it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent import gate, ledger
from consent.models import DataSubject
from personalization.conditions.tree import NOTHING
from personalization.models import Basket, CustomerProfile, Product
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations.offer import Offer, offers_for
from personalization.recommendations.shelf import Shelf
from tests.campaigns.factories import order, people, person
from tests.consent.people import NOON
from tests.personalization.shop import products, stocked

pytestmark = pytest.mark.django_db

LONG_AGO = NOON - timedelta(days=30)
BECAUSE = "because_you_bought"


def loaded(*subjects: DataSubject) -> list[LoadedProfile]:
    ids = [subject.pk for subject in subjects]
    permissions = gate.permissions(ids, purpose="email_marketing", at=NOON)
    found = load.profiles(permissions, needs=NOTHING, catalogue=catalogue.load(), now=NOON)
    return sorted(found, key=lambda profile: ids.index(profile.subject_id))


def offer(subject: DataSubject, *, shelf: Shelf, strategy: str = BECAUSE, count: int = 2) -> Offer:
    (profile,) = loaded(subject)
    return offers_for([(profile, strategy)], shelf=shelf, count=count).of(subject.pk)


def said(found: Offer) -> list[tuple[object, object]]:
    return [(card["name"], card["reason"]) for card in found.products]


def test_because_you_bought_names_the_product_that_was_really_bought() -> None:
    tea, soap, milk, honey = items = products("Tea", "Soap", "Milk", "Honey")
    anna = person()
    order(anna, milk, at=LONG_AGO)

    found = offer(anna, shelf=stocked(items, {2: {3: 0.9}, 0: {1: 0.9}}))

    assert said(found)[0] == ("Honey", "Because you bought Milk")
    assert found.reasons[0]["product"] == honey.pk
    assert found.reasons[0]["because_of"] == milk.pk
    assert all("Tea" not in str(reason) or name == "Tea" for name, reason in said(found))
    assert {tea.name, soap.name} & {str(name) for name, _ in said(found)}


def test_every_cause_that_is_named_is_in_the_persons_history() -> None:
    items = products(*(f"Item {n}" for n in range(12)))
    shelf = stocked(items, {n: {(n + 1) % 12: 0.5, (n + 5) % 12: 0.4} for n in range(12)})
    everybody = people(12)
    for number, subject in enumerate(everybody):
        order(subject, items[number], items[(number * 7) % 12], at=LONG_AGO)

    pairs = [(profile, BECAUSE) for profile in loaded(*everybody)]
    offers = offers_for(pairs, shelf=shelf, count=4)

    named = 0
    for profile, _ in pairs:
        bought = {product for product, _ in profile.bought}
        for reason in offers.of(profile.subject_id).reasons:
            assert reason["because_of"] is None or reason["because_of"] in bought
            named += reason["because_of"] is not None
    assert named >= 12


def test_what_was_just_bought_is_not_offered_again() -> None:
    items = products("Tea", "Soap", "Milk")
    anna = person()
    order(anna, items[0], at=NOON - timedelta(days=13))
    order(anna, items[1], at=NOON - timedelta(days=15))

    found = offer(anna, shelf=stocked(items), count=3)

    assert {name for name, _ in said(found)} == {"Soap", "Milk"}


def test_who_refused_profiling_gets_what_is_popular_and_no_personal_reason() -> None:
    items = products("Tea", "Soap", "Milk", "Honey")
    anna = person(granted=("email_marketing", "email_tracking"))
    order(anna, items[2], at=LONG_AGO)
    CustomerProfile.objects.update(traits={"favourite_category": "of Honey"})

    for strategy in (BECAUSE, "because_you_viewed", "buy_again", "popular", ""):
        found = offer(anna, shelf=stocked(items, {2: {3: 0.9}}), strategy=strategy)

        assert said(found) == [
            ("Tea", "Popular with our customers"), ("Soap", "Popular with our customers"),
        ]  # fmt: skip
        assert {reason["because_of"] for reason in found.reasons} == {None}


def test_a_history_that_came_along_by_mistake_is_not_used_without_consent() -> None:
    items = products("Tea", "Soap", "Milk", "Honey")
    anna = person(granted=("email_marketing",))
    (profile,) = loaded(anna)
    mistaken = replace(profile, bought=((items[2].pk, 30.0),))

    offers = offers_for([(mistaken, BECAUSE)], shelf=stocked(items, {2: {3: 0.9}}), count=1)

    assert said(offers.of(anna.pk)) == [("Tea", "Popular with our customers")]


def test_without_a_history_the_favourite_category_and_then_the_shop_fill_the_places() -> None:
    items = products("Tea", "Soap", "Milk")
    anna = person()
    CustomerProfile.objects.update(traits={"favourite_category": "of Milk"})

    found = offer(anna, shelf=stocked(items), count=3)

    assert said(found) == [
        ("Milk", "Popular in of Milk"),
        ("Tea", "Popular with our customers"),
        ("Soap", "Popular with our customers"),
    ]


@pytest.mark.parametrize("change", ["in_stock", "is_active", "deleted"])
def test_what_went_since_the_shelf_was_read_is_left_out_and_stops_nobody(change: str) -> None:
    items = products("Tea", "Soap", "Milk")
    anna, ben = people(2)
    shelf = stocked(items)

    if change == "deleted":
        Product.objects.filter(name="Tea").delete()
    else:
        Product.objects.filter(name="Tea").update(**{change: False})
    pairs = [(profile, BECAUSE) for profile in loaded(anna, ben)]
    offers = offers_for(pairs, shelf=shelf, count=3)

    for subject in (anna, ben):
        found = offers.of(subject.pk)
        assert [name for name, _ in said(found)] == ["Soap", "Milk"]
        assert len(found.reasons) == 2


def test_sold_out_and_sensitive_products_are_no_fallback_either() -> None:
    items = products("Tea", "Soap", "Milk")
    Product.objects.filter(name="Tea").update(is_sensitive=True)
    Product.objects.filter(name="Soap").update(in_stock=False)

    assert said(offer(person(), shelf=stocked(items), count=3)) == [
        ("Milk", "Popular with our customers")
    ]


def test_a_card_holds_what_a_template_may_show() -> None:
    items = products("Tea")
    Product.objects.update(price=Decimal(5))

    (card,) = offer(person(), shelf=stocked(items)).products

    assert card["price"] == "5.00"
    assert (card["name"], card["currency"], card["category"]) == ("Tea", "USD", "of Tea")
    assert card["url"] == "https://shop.example.com/1"


def test_no_shelf_or_no_places_means_no_offer() -> None:
    anna = person()
    (profile,) = loaded(anna)

    without = offers_for([(profile, BECAUSE)], shelf=None, count=2).of(anna.pk)

    assert without == Offer(missing="empty_catalogue")
    assert offer(anna, shelf=stocked(products("Tea")), count=0) == Offer(missing="no_places")


def test_all_products_of_a_batch_are_read_in_one_query() -> None:
    items = products("Tea", "Soap", "Milk")
    shelf = stocked(items)
    pairs = [(profile, BECAUSE) for profile in loaded(*people(8))]

    with CaptureQueriesContext(connection) as captured:
        offers_for(pairs, shelf=shelf, count=3)

    assert len(captured) == 1


def put_in_cart(subject: DataSubject, *items: Product, days_ago: float = 0.1) -> None:
    Basket.objects.create(
        profile_id=subject.pk,
        kind=Basket.Kind.CART,
        items=[
            {"product_id": item.product_id, "quantity": 1, "price": str(item.price)}
            for item in items
        ],
        changed_at=timezone.now() - timedelta(days=days_ago),
    )


def test_goes_with_names_the_product_in_the_open_cart_not_the_last_order() -> None:
    milk, _, tea, biscuit = items = products("Milk", "Cheese", "Tea", "Biscuit")
    shelf = stocked(items, {0: {1: 0.9}, 2: {3: 0.9}})
    anna = person()
    order(anna, milk, at=LONG_AGO)
    put_in_cart(anna, tea)

    found = offer(anna, shelf=shelf, strategy="goes_with", count=1)

    assert said(found) == [("Biscuit", "Goes with Tea")]
    assert found.reasons[0]["because_of"] == tea.pk
    assert found.reasons[0]["product"] == biscuit.pk


@pytest.mark.parametrize("is_open", [False, True])
def test_a_cart_left_a_month_ago_or_emptied_is_none(is_open: bool) -> None:
    milk, cheese, tea, _ = items = products("Milk", "Cheese", "Tea", "Biscuit")
    shelf = stocked(items, {0: {1: 0.9}, 2: {3: 0.9}})
    anna = person()
    order(anna, milk, at=LONG_AGO)
    put_in_cart(anna, *([tea] if is_open else []), days_ago=31)

    found = offer(anna, shelf=shelf, strategy="goes_with", count=1)

    assert said(found) == [(cheese.name, "Goes with Milk")]


def test_carts_are_read_for_the_whole_batch_and_only_where_they_are_looked_at() -> None:
    items = products("Milk", "Cheese")
    shelf, everybody = stocked(items), loaded(*people(5))

    counts = {}
    for strategy in ("goes_with", "popular"):
        with CaptureQueriesContext(connection) as queries:
            offers_for([(profile, strategy) for profile in everybody], shelf=shelf, count=1)
        counts[strategy] = len(queries)

    assert counts == {"goes_with": 2, "popular": 1}


def test_nothing_is_read_from_the_cart_of_who_refused_profiling() -> None:
    tea, biscuit, milk = items = products("Tea", "Biscuit", "Milk")
    anna = person()
    put_in_cart(anna, milk)
    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON - timedelta(days=1))

    found = offer(anna, shelf=stocked(items, {2: {1: 0.9}}), strategy="goes_with", count=2)

    assert [card["name"] for card in found.products] == [tea.name, biscuit.name]
    assert {reason["because_of"] for reason in found.reasons} == {None}
