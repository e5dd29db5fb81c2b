"""Shopify's orders, refunds, carts and checkouts, as recorded: the events they become."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from consent.models import DataSubject
from personalization.models import (
    Basket,
    CustomerProfile,
    Event,
    EventItem,
    Order,
    Product,
    WebhookDelivery,
)
from tests.personalization import webhook_support as shops
from tests.personalization.shopify_story import ORDER, SHIRT, allow, bob, names, shop, states
from tests.personalization.webhook_support import recorded, tell

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("shop")
def test_an_order_is_completed_once_whoever_tells_it_first(client: Client) -> None:
    tell(
        client, "shopify", ("products/create", "products_create"),
        ("orders/paid", "orders_paid"), ("orders/create", "orders_create"),
        ("orders/paid", "orders_paid"),
    )  # fmt: skip

    event = Event.objects.get()
    assert (event.name, event.profile_id) == ("Order Completed", bob().pk)
    assert event.occurred_at == datetime(2026, 2, 28, 23, 5, tzinfo=UTC)
    assert (event.amount, event.currency) == (Decimal("47.58"), "EUR")
    kept = event.properties
    assert (kept["order_id"], kept["revenue"], kept["shipping"]) == (ORDER, 41.98, 5.6)
    assert (kept["coupon"], kept["payment_status"]) == ("SPRING", "paid")
    item = EventItem.objects.get()
    assert (item.product_id, item.quantity) == (Product.objects.get().pk, 2)
    assert item.price == Decimal("19.99")


@pytest.mark.usefixtures("shop")
def test_an_order_that_was_deleted_counts_as_cancelled(client: Client) -> None:
    deliveries = tell(
        client, "shopify", ("orders/create", "orders_create"),
        ("orders/delete", {"id": int(ORDER)}), ("orders/delete", {"id": 7}),
    )  # fmt: skip

    assert names() == ["Order Completed", "Order Cancelled"]
    assert Order.objects.get().is_cancelled
    assert states(deliveries) == ["done", "done", "ignored"]


@pytest.mark.usefixtures("shop")
def test_orders_of_a_buyer_without_a_name_are_those_of_the_cart(client: Client) -> None:
    nameless = {**recorded("shopify", "orders_create"), "customer": None, "email": ""}
    changed = {**nameless, "total_price": "1.00", "updated_at": "2026-03-01T09:00:00Z"}

    tell(
        client, "shopify", ("orders/create", nameless),
        ("orders/create", {**nameless, "id": 7, "cart_token": "another"}),
        ("orders/updated", changed),
    )  # fmt: skip

    assert DataSubject.objects.count() == 2
    assert names() == ["Order Completed", "Order Completed", "Order Updated"]
    assert sorted(Order.objects.values_list("total", flat=True)) == [Decimal(1), Decimal("47.58")]


@pytest.mark.usefixtures("shop")
def test_an_order_makes_its_customer_known(client: Client) -> None:
    tell(client, "shopify", ("orders/create", "orders_create"))

    profile = CustomerProfile.objects.get()
    assert profile.subject == bob()
    assert profile.attributes["country"] == "CA"
    assert Order.objects.get().total == Decimal("47.58")


@pytest.mark.usefixtures("shop")
def test_changes_refunds_and_cancellations_change_the_order(client: Client) -> None:
    tell(
        client, "shopify", ("orders/create", "orders_create"), ("orders/updated", "orders_updated")
    )
    updated = Order.objects.get()
    tell(client, "shopify", ("refunds/create", "refunds_create"))
    refunded = Order.objects.get()
    tell(client, "shopify", ("orders/cancelled", "orders_cancelled"))

    assert updated.total == Decimal("45.58")
    assert (refunded.refunded, refunded.net) == (Decimal("19.99"), Decimal("25.59"))
    assert Order.objects.get().is_cancelled
    assert names() == [
        "Order Completed", "Order Updated", "Order Refunded", "Order Updated", "Order Cancelled",
    ]  # fmt: skip


@pytest.mark.usefixtures("shop")
def test_a_refund_told_with_its_order_and_alone_counts_once(client: Client) -> None:
    whole = {
        **recorded("shopify", "orders_updated"),
        "refunds": [recorded("shopify", "refunds_create")],
    }

    tell(
        client, "shopify", ("orders/create", "orders_create"),
        ("refunds/create", "refunds_create"), ("orders/updated", whole),
    )  # fmt: skip

    assert names().count("Order Refunded") == 1
    assert Order.objects.get().refunded == Decimal("19.99")


@pytest.mark.usefixtures("shop")
def test_a_refund_before_its_order_waits_for_it(client: Client) -> None:
    first = tell(client, "shopify", ("refunds/create", "refunds_create"))
    tell(client, "shopify", ("orders/create", "orders_create"))
    WebhookDelivery.objects.update(due_at=None)
    shops.work()

    assert (first[0].state, first[0].tries) == ("waiting", 1)
    assert WebhookDelivery.objects.get(pk=first[0].pk).state == "done"
    assert Order.objects.get().refunded == Decimal("19.99")


@pytest.mark.usefixtures("shop")
def test_a_refund_without_money_is_none_yet(client: Client) -> None:
    pending = recorded("shopify", "refunds_create")
    pending["transactions"][0]["status"] = "pending"

    done = tell(client, "shopify", ("orders/create", "orders_create"), ("refunds/create", pending))

    assert (done[1].state, done[1].reason) == ("ignored", "no money was given back yet")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"test": True}, "a test order of the shop"),
        ({"customer": None, "email": "", "cart_token": None, "checkout_token": None}, "names no"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_an_order_of_nobody_and_a_test_are_left_out(
    client: Client, changed: dict[str, Any], why: str
) -> None:
    order = {**recorded("shopify", "orders_create"), **changed}

    done = tell(client, "shopify", ("orders/create", order))

    assert done[0].state == "ignored"
    assert why in done[0].reason
    assert not Event.objects.exists()


@pytest.mark.usefixtures("shop")
def test_a_cart_of_a_stranger_is_not_kept(client: Client) -> None:
    tell(client, "shopify", ("carts/create", "carts_create"))

    assert not Event.objects.exists()
    assert not DataSubject.objects.exists()


@pytest.mark.usefixtures("shop")
def test_a_checkout_makes_the_cart_that_of_its_customer(client: Client) -> None:
    tell(
        client, "shopify", ("customers/create", "customers_create"),
        ("products/create", "products_create"),
    )  # fmt: skip
    allow(bob(), "profiling")
    tell(client, "shopify", ("checkouts/update", "checkouts_update"))
    later = {**recorded("shopify", "carts_update"), "updated_at": "2026-02-28T18:30:00Z"}

    tell(client, "shopify", ("carts/update", later))

    assert names() == ["Checkout Started", "Product Added", "Product Added", "Cart Updated"]
    assert set(Event.objects.values_list("profile_id", flat=True)) == {bob().pk}
    basket = Basket.objects.get(kind="cart")
    assert basket.items == [{"product_id": SHIRT, "quantity": 1, "price": "19.99"}]


@pytest.mark.usefixtures("shop")
def test_an_emptied_cart_is_empty(client: Client) -> None:
    tell(
        client, "shopify", ("customers/create", "customers_create"),
        ("products/create", "products_create"),
    )  # fmt: skip
    allow(bob(), "profiling")
    emptied = {**recorded("shopify", "carts_update"), "line_items": [],
               "updated_at": "2026-02-28T18:40:00Z"}  # fmt: skip
    held = {**recorded("shopify", "carts_update"), "updated_at": "2026-02-28T18:30:00Z"}

    tell(
        client, "shopify", ("checkouts/update", "checkouts_update"),
        ("carts/update", held), ("carts/update", emptied),
    )  # fmt: skip

    assert names().count("Product Removed") == 2
    assert Basket.objects.get(kind="cart").items == []
