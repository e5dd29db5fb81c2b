"""Carts, wishlists and orders as they stand, whatever order their events came in."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import ledger
from personalization.commerce import orders, state
from personalization.ingest.incoming import Incoming
from personalization.models import Basket, Event, Order, Source
from tests.campaigns.factories import product
from tests.consent.people import NOON, subject
from tests.personalization.ground import SHOP, event, take_in

pytestmark = pytest.mark.django_db

BOOTS: dict[str, Any] = {"product_id": "P1", "quantity": 1, "price": "80.00"}
SOCKS: dict[str, Any] = {"product_id": "P2", "quantity": 3, "price": "4.00"}


@pytest.fixture(autouse=True)
def _catalogue() -> None:
    product(1)
    product(2)


def customer(number: str = "C-1") -> int:
    made = subject("", external_id=number, source=SHOP)
    ledger.grant(made, purpose="profiling", source="test", at=NOON - timedelta(days=9))
    return made.pk


def told(name: str, *, minutes: int, number: str = "C-1", **properties: Any) -> Incoming:
    return event(
        f"{name}-{minutes}-{number}",
        name,
        timestamp=NOON - timedelta(hours=5) + timedelta(minutes=minutes),
        external_id=number,
        properties={"currency": "EUR", **properties},
    )


def settled(*events: Incoming, source: str = SHOP) -> None:
    take_in(*events, source=source)
    state.refresh(set(Event.objects.values_list("profile_id", flat=True)), now=NOON)


def the_order() -> Order:
    return Order.objects.get()


def test_an_order_stands_as_it_was_placed() -> None:
    person = customer()

    settled(told("Order Completed", minutes=1, order_id="O-1", total="92.00", products=[BOOTS]))

    order = the_order()
    assert (order.profile_id, order.order_id, order.id_space) == (person, "O-1", SHOP)
    assert (order.total, order.net, order.currency) == (Decimal("92.00"), Decimal("92.00"), "EUR")
    assert order.placed_at == NOON - timedelta(hours=5) + timedelta(minutes=1)


def test_updates_refunds_and_cancellations_change_what_stays_of_an_order() -> None:
    customer()

    settled(told("Order Completed", minutes=1, order_id="O-1", total="92.00"))
    settled(told("Order Updated", minutes=2, order_id="O-1", total="80.00"))
    settled(told("Order Refunded", minutes=3, order_id="O-1", total="30.00"))
    assert the_order().net == Decimal("50.00")

    settled(told("Order Refunded", minutes=4, order_id="O-1", total="60.00"))
    assert the_order().net == 0
    settled(told("Order Cancelled", minutes=5, order_id="O-1"))
    assert the_order().is_cancelled


def test_a_refund_written_below_zero_is_a_refund_as_well() -> None:
    customer()

    settled(
        told("Order Completed", minutes=1, order_id="O-1", total="92.00"),
        told("Order Refunded", minutes=3, order_id="O-1", total="-30.00"),
    )

    assert (the_order().refunded, the_order().net) == (Decimal("30.00"), Decimal("62.00"))


def test_a_refund_without_an_amount_is_of_the_whole_order() -> None:
    customer()

    settled(
        told("Order Completed", minutes=1, order_id="O-1", total="92.00"),
        told("Order Refunded", minutes=3, order_id="O-1"),
    )

    assert (the_order().refunded, the_order().net) == (Decimal("92.00"), Decimal(0))


@pytest.mark.parametrize("seed", range(6))
def test_state_is_the_same_in_whatever_order_events_arrive(seed: int) -> None:
    customer()
    story = [
        told("Product Added", minutes=1, **BOOTS),
        told("Product Added", minutes=2, **SOCKS),
        told("Order Completed", minutes=3, order_id="O-1", total="92.00", products=[BOOTS]),
        told("Order Refunded", minutes=4, order_id="O-1", total="2.00"),
        told("Product Added", minutes=5, **SOCKS),
        told("Product Added to Wishlist", minutes=6, **BOOTS),
    ]
    random.Random(seed).shuffle(story)

    for one in story:
        settled(one)

    assert (the_order().total, the_order().refunded) == (Decimal("92.00"), Decimal("2.00"))
    cart = Basket.objects.get(kind="cart")
    assert cart.items == [{"product_id": "P2", "quantity": 3, "price": "4.00"}]
    assert cart.value == Decimal("12.00")
    assert cart.opened_at == NOON - timedelta(hours=5) + timedelta(minutes=5)
    assert Basket.objects.get(kind="wishlist").items[0]["product_id"] == "P1"


def test_a_cart_is_abandoned_an_hour_after_it_was_last_touched() -> None:
    customer()
    settled(told("Product Added", minutes=1, **BOOTS))
    cart = Basket.objects.get()
    touched: datetime = cart.changed_at

    assert cart.abandoned_since(now=touched + timedelta(minutes=59)) is None
    assert cart.abandoned_since(now=touched + timedelta(minutes=60)) == touched
    settled(told("Order Completed", minutes=9, order_id="O-1", total="80.00"))
    assert Basket.objects.get().abandoned_since(now=NOON + timedelta(days=1)) is None


def test_sources_of_one_id_space_tell_of_the_same_orders() -> None:
    Source.objects.create(slug="till", name="Till", id_space=SHOP)
    customer()

    settled(told("Order Completed", minutes=1, order_id="O-1", total="92.00"))

    assert orders.known(["O-1", "O-2"], id_space=SHOP) == {"O-1"}
    settled(told("Order Updated", minutes=2, order_id="O-3", total="9.00"))
    assert orders.known(["O-3"], id_space=SHOP) == set()
    assert orders.known(["O-1"], id_space="other") == set()
    assert orders.known([], id_space=SHOP) == set()


def test_state_goes_when_its_events_go() -> None:
    person = customer()
    settled(
        told("Product Added", minutes=1, **BOOTS),
        told("Order Completed", minutes=0, order_id="O-1", total="9.00"),
    )
    assert (Order.objects.count(), Basket.objects.count()) == (1, 1)

    Event.objects.all().delete()
    state.refresh([person], now=NOON)

    assert (Order.objects.count(), Basket.objects.count()) == (0, 0)


def test_refreshing_takes_the_same_queries_for_one_and_for_many() -> None:
    people = [customer(f"C-{number}") for number in range(30)]
    take_in(*(told("Product Added", minutes=1, number=f"C-{n}", **BOOTS) for n in range(30)))

    with CaptureQueriesContext(
        connection,
    ) as one:
        state.refresh(people[:1], now=NOON)
    with CaptureQueriesContext(connection) as many:
        state.refresh(people, now=NOON)

    assert len(one) == len(many) <= 6
    assert Basket.objects.count() == 30
