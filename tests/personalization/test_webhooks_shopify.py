"""Shopify's topics, as recorded: what each does to customers, products, orders and carts."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from consent import identify, ledger
from consent.models import ConsentRecord, ConsentState, DataSubject, MergeProposal, PrivacyRequest
from personalization.models import (
    CustomerProfile,
    Event,
    InboxEvent,
    Order,
    Product,
    ProductChange,
    SeenProperty,
    Source,
    WebhookDelivery,
)
from personalization.sources import shopify
from tests.personalization import webhook_support as shops
from tests.personalization.shopify_story import BOB, SHIRT, bob, shop, states
from tests.personalization.webhook_support import recorded, tell

__all__ = ["shop"]
pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("shop")
def test_a_customer_is_made_with_what_is_registered_and_what_they_allow(client: Client) -> None:
    tell(client, "shopify", ("customers/create", "customers_create"))

    profile = CustomerProfile.objects.get()
    assert profile.subject == bob()
    assert identify.emails([profile.pk]) == {profile.pk: "bob@biller.example"}
    assert profile.attributes == {"country": "CA", "city": "Ottawa", "language": "de"}
    assert profile.personal
    record = ConsentRecord.objects.get()
    assert (record.purpose_id, record.action) == ("email_marketing", "granted")
    assert record.occurred_at == datetime(2026, 2, 20, 14, 15, tzinfo=UTC)
    assert not record.is_own_choice


@pytest.mark.usefixtures("shop")
def test_what_nobody_registered_is_reported_and_not_kept(client: Client) -> None:
    tell(client, "shopify", ("customers/create", "customers_create"))

    seen = dict(SeenProperty.objects.filter(event="").values_list("name", "is_kept"))
    assert (seen["country"], seen["tags"]) == (True, False)
    assert "tags" not in CustomerProfile.objects.get().attributes


@pytest.mark.usefixtures("shop")
def test_an_older_state_that_comes_late_changes_nothing(client: Client) -> None:
    late = {**recorded("shopify", "customers_create")}
    late["default_address"] = {**late["default_address"], "city": "Montreal"}

    done = tell(
        client, "shopify", ("customers/update", "customers_update"), ("customers/create", late)
    )

    assert states(done) == ["done", "ignored"]
    assert "older" in done[1].reason
    assert CustomerProfile.objects.get().attributes["city"] == "Ottawa"
    assert not ConsentState.objects.get(purpose="email_marketing").is_granted


@pytest.mark.usefixtures("shop")
def test_a_number_and_the_address_of_another_customer_wait_for_a_human(client: Client) -> None:
    other = {**recorded("shopify", "customers_create"), "id": 2, "email": "other@biller.example"}
    same_address = {**other, "email": "bob@biller.example", "updated_at": "2026-03-01T00:00:00Z"}

    done = tell(
        client, "shopify", ("customers/create", "customers_create"),
        ("customers/create", other), ("customers/update", same_address),
    )  # fmt: skip

    assert states(done) == ["done", "done", "done"]
    assert MergeProposal.objects.get().state == "open"
    assert identify.emails([bob().pk]) == {bob().pk: "bob@biller.example"}
    assert CustomerProfile.objects.count() == 2


@pytest.mark.usefixtures("shop")
def test_an_unsubscription_takes_the_consent_back(client: Client) -> None:
    tell(
        client, "shopify", ("customers/create", "customers_create"),
        ("customers_email_marketing_consent/update", "customers_email_marketing_consent_update"),
    )  # fmt: skip

    assert list(ConsentRecord.objects.order_by("occurred_at").values_list("action", flat=True)) == [
        "granted", "withdrawn",
    ]  # fmt: skip
    assert not ConsentState.objects.get().is_granted


@pytest.mark.usefixtures("shop")
def test_a_shop_does_not_lift_what_the_person_objected_to(client: Client) -> None:
    tell(client, "shopify", ("customers/create", "customers_create"))
    at = datetime(2026, 2, 21, tzinfo=UTC)
    ledger.object_to(bob(), purpose="email_marketing", source="page", at=at)
    resubscribed = recorded("shopify", "customers_update")
    resubscribed["email_marketing_consent"]["state"] = "subscribed"

    tell(client, "shopify", ("customers/update", resubscribed))

    assert not ConsentState.objects.get(purpose="email_marketing").is_granted


@pytest.mark.parametrize("state", ["not_subscribed", "pending", "redacted", "invalid", ""])
@pytest.mark.usefixtures("shop")
def test_other_marketing_states_say_nothing(client: Client, state: str) -> None:
    customer = recorded("shopify", "customers_create")
    customer["email_marketing_consent"]["state"] = state

    tell(client, "shopify", ("customers/create", customer))

    assert not ConsentRecord.objects.exists()


@pytest.mark.usefixtures("shop")
def test_a_closed_account_is_no_request_for_erasure(client: Client) -> None:
    done = tell(client, "shopify", ("customers/delete", "customers_delete"))

    assert states(done) == ["ignored"]
    assert "customers/redact" in done[0].reason
    assert not PrivacyRequest.objects.exists()


@pytest.mark.usefixtures("shop")
def test_a_product_comes_with_price_stock_and_history(client: Client) -> None:
    tell(
        client, "shopify", ("products/create", "products_create"),
        ("products/update", "products_update"),
    )  # fmt: skip

    product = Product.objects.get()
    assert (product.product_id, product.name) == (SHIRT, "Example T-Shirt 2")
    assert (product.category, product.brand) == ("Shirts", "Acme")
    assert (product.price, product.currency, product.stock) == (Decimal("17.49"), "EUR", 70)
    assert product.url == "https://my-shop.myshopify.com/products/example-t-shirt"
    assert product.attributes["skus"] == ["example-shirt-s", "example-shirt-m"]
    assert product.attributes["compare_at_price"] == 24.99
    assert list(ProductChange.objects.order_by("id").values_list("price", "stock")) == [
        (Decimal("19.99"), 125), (Decimal("17.49"), 70),
    ]  # fmt: skip


@pytest.mark.usefixtures("shop")
def test_an_older_product_that_comes_late_changes_nothing(client: Client) -> None:
    done = tell(
        client, "shopify", ("products/update", "products_update"),
        ("products/create", "products_create"),
    )  # fmt: skip

    assert states(done) == ["done", "ignored"]
    assert Product.objects.get().price == Decimal("17.49")


@pytest.mark.usefixtures("shop")
def test_a_deleted_product_is_offered_no_more(client: Client) -> None:
    done = tell(
        client, "shopify", ("products/create", "products_create"),
        ("products/delete", "products_delete"), ("products/update", "products_update"),
    )  # fmt: skip

    assert states(done) == ["done", "done", "ignored"]
    assert not Product.objects.get().is_active


def test_a_product_without_a_currency_fails_with_what_to_do(client: Client, shop: Source) -> None:
    Source.objects.filter(pk=shop.pk).update(mapping={"shop_domain": shops.DOMAIN})

    done = tell(client, "shopify", ("products/create", "products_create"))

    assert states(done) == ["failed"]
    assert done[0].reason.startswith("currency: is missing")
    assert "mapping" in done[0].reason


@pytest.mark.usefixtures("shop")
def test_the_stock_of_a_place_changes_that_of_its_product(client: Client) -> None:
    unknown = tell(client, "shopify", ("inventory_levels/update", "inventory_levels_update"))
    later = {**recorded("shopify", "inventory_levels_update"), "location_id": 2, "available": 4}
    late = {**later, "updated_at": "2026-02-28T20:00:00-05:00", "available": 900}

    done = tell(
        client, "shopify", ("products/create", "products_create"),
        ("inventory_levels/update", "inventory_levels_update"),
        ("inventory_levels/update", later), ("inventory_levels/update", late),
    )  # fmt: skip

    assert states(unknown) == ["ignored"]
    assert states(done) == ["done", "done", "done", "ignored"]
    # 3 and 4 of the small shirt at its two places, 50 of the medium one.
    assert Product.objects.get().stock == 57


@pytest.mark.usefixtures("shop")
def test_sold_out_is_out_of_stock_unless_it_sells_on(client: Client) -> None:
    product = recorded("shopify", "products_create")
    for variant in product["variants"]:
        variant["inventory_quantity"] = -2
    later = {**product, "updated_at": "2026-03-01T00:00:00Z"}
    later["variants"] = [{**each, "inventory_policy": "continue"} for each in product["variants"]]

    tell(client, "shopify", ("products/create", product))
    sold_out = Product.objects.get()
    tell(client, "shopify", ("products/update", later))

    assert (sold_out.stock, sold_out.in_stock) == (0, False)
    assert Product.objects.get().in_stock


@pytest.mark.usefixtures("shop")
def test_requests_under_the_law_are_noted_once(client: Client) -> None:
    tell(client, "shopify", ("customers/create", "customers_create"))

    tell(
        client, "shopify", ("customers/data_request", "customers_data_request"),
        ("customers/data_request", "customers_data_request"),
        ("customers/redact", "customers_redact"), ("shop/redact", "shop_redact"),
    )  # fmt: skip

    requests = PrivacyRequest.objects.order_by("id")
    assert list(requests.values_list("kind", "subject", "source")) == [
        ("export", bob().pk, "webhook:shopify"),
        ("erasure", bob().pk, "webhook:shopify"),
        ("shop_erasure", None, "webhook:shopify"),
    ]
    assert not [each for each in requests if BOB in each.reference]


@pytest.mark.usefixtures("shop")
def test_a_topic_nobody_needs_is_ignored(client: Client) -> None:
    done = tell(client, "shopify", ("themes/publish", {"id": 512162865275216980}))

    assert (done[0].state, done[0].payload) == ("ignored", None)
    assert done[0].reason == "nothing is done with the topic themes/publish"


@pytest.mark.usefixtures("shop")
def test_the_whole_story_told_again_adds_nothing(client: Client) -> None:
    story = [(topic, topic.replace("/", "_")) for topic in shopify.TOPICS if _is_recorded(topic)]
    tell(client, "shopify", *story)
    before = _everything()

    tell(client, "shopify", *story)

    assert len(story) >= 18
    assert _everything() == before
    assert not InboxEvent.objects.exclude(quarantined_at=None).exists()
    assert not WebhookDelivery.objects.filter(state__in=("waiting", "failed")).exists()


def _is_recorded(topic: str) -> bool:
    return (shops.RECORDED / "shopify" / f"{topic.replace('/', '_')}.json").exists()


def _everything() -> dict[str, Any]:
    return {
        "events": sorted(Event.objects.values_list("name", "occurred_at", "amount")),
        "orders": list(Order.objects.values_list("order_id", "total", "refunded")),
        "products": list(Product.objects.values_list("product_id", "price", "stock")),
        "people": DataSubject.objects.count(),
        "consents": ConsentRecord.objects.count(),
        "history": ProductChange.objects.count(),
    }
