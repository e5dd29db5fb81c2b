"""WooCommerce, HubSpot and signed webhooks, as recorded: what each topic does."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from consent import identify, ledger
from consent.models import ConsentRecord, ConsentState, DataSubject, PrivacyRequest
from personalization.models import (
    CustomerProfile,
    Event,
    EventItem,
    InboxEvent,
    Order,
    Product,
    Source,
    WebhookDelivery,
)
from personalization.sources import mapping, woocommerce
from tests.personalization import webhook_support as shops
from tests.personalization.webhook_support import recorded, source, tell

pytestmark = pytest.mark.django_db


def who(external_id: str, *, space: str) -> DataSubject:
    found = identify.find(identify.EXTERNAL_ID, external_id, source=space)
    assert found is not None
    return found


def names() -> list[str]:
    return list(Event.objects.order_by("occurred_at", "id").values_list("name", flat=True))


def failed() -> list[str]:
    rows = WebhookDelivery.objects.filter(state="failed").order_by("id")
    return list(rows.values_list("reason", flat=True))


def test_a_woocommerce_customer_is_made_and_changed(client: Client) -> None:
    source("woocommerce")

    done = tell(
        client, "woocommerce", ("customer.created", "customer_created"),
        ("customer.updated", "customer_updated"), ("customer.created", "customer_created"),
        ("customer.deleted", "customer_deleted"),
    )  # fmt: skip

    assert [each.state for each in done] == ["done", "done", "ignored", "ignored"]
    profile = CustomerProfile.objects.get()
    assert profile.subject == who("25", space="woocommerce")
    assert profile.attributes == {"country": "US", "city": "San Francisco"}
    assert not ConsentRecord.objects.exists()


def test_a_woocommerce_product_is_made_changed_and_retired(client: Client) -> None:
    source("woocommerce")

    tell(client, "woocommerce", ("product.created", "product_created"))
    made = Product.objects.get()
    tell(client, "woocommerce", ("product.updated", "product_updated"))
    changed = Product.objects.get()
    tell(client, "woocommerce", ("product.deleted", "product_deleted"))

    assert (made.price, made.currency, made.stock) == (Decimal("21.99"), "EUR", 4)
    assert (made.category, made.brand, made.in_stock) == ("Clothing", "Ninja", True)
    assert (changed.price, changed.stock, changed.in_stock) == (Decimal("18.50"), 0, False)
    assert not Product.objects.get().is_active


def test_a_woocommerce_order_counts_once_it_is_placed(client: Client) -> None:
    source("woocommerce")

    pending = tell(client, "woocommerce", ("order.created", "order_created"))
    nothing = Event.objects.count()
    tell(client, "woocommerce", ("product.created", "product_created"))
    tell(client, "woocommerce", ("order.updated", "order_updated"))

    assert (pending[0].state, nothing) == ("ignored", 0)
    event = Event.objects.get()
    assert (event.name, event.amount, event.currency) == (
        "Order Completed",
        Decimal("67.33"),
        "EUR",
    )
    assert event.occurred_at == datetime(2026, 2, 28, 19, 28, 2, tzinfo=UTC)
    assert event.profile_id == who("25", space="woocommerce").pk
    assert event.properties["revenue"] == 55.98
    assert EventItem.objects.filter(product_id=Product.objects.get(product_id="794").pk).exists()


def test_woocommerce_refunds_and_cancellations_come_with_the_order(client: Client) -> None:
    source("woocommerce")

    tell(
        client, "woocommerce", ("order.updated", "order_updated"),
        ("order.updated", "order_updated_refunded"), ("order.updated", "order_updated_refunded"),
    )  # fmt: skip
    refunded = Order.objects.get()
    tell(client, "woocommerce", ("order.updated", "order_updated_cancelled"))

    assert refunded.refunded == Decimal("19.99")
    assert names().count("Order Refunded") == 2
    assert Order.objects.get().is_cancelled


def test_a_deleted_woocommerce_order_is_cancelled(client: Client) -> None:
    source("woocommerce")

    unknown = tell(client, "woocommerce", ("order.deleted", "order_deleted"))
    tell(
        client, "woocommerce", ("order.updated", "order_updated"),
        ("order.deleted", "order_deleted"),
    )  # fmt: skip

    assert unknown[0].state == "ignored"
    assert Order.objects.get().is_cancelled


def test_a_guest_of_woocommerce_is_known_by_the_address(client: Client) -> None:
    source("woocommerce")

    tell(client, "woocommerce", ("order.created", "order_created_guest"))

    profile = CustomerProfile.objects.get()
    assert identify.emails([profile.pk]) == {profile.pk: "gerda@guest.example"}
    assert Event.objects.get().profile_id == profile.pk


def test_add_to_cart_needs_the_snippet(client: Client) -> None:
    source("woocommerce")
    tell(client, "woocommerce", ("customer.created", "customer_created"))
    at = datetime(2026, 2, 1, tzinfo=UTC)
    ledger.grant(who("25", space="woocommerce"), purpose="profiling", source="test", at=at)
    topic = "action.woocommerce_add_to_cart"

    bare = tell(client, "woocommerce", (topic, "action_woocommerce_add_to_cart"))
    tell(client, "woocommerce", (topic, "action_woocommerce_add_to_cart_snippet"))

    assert bare[0].state == "ignored"
    assert "docs/webhooks.md" in bare[0].reason
    event = Event.objects.get()
    assert (event.name, event.properties["price"]) == ("Product Added", 21.99)


def test_the_story_of_woocommerce_told_again_adds_nothing(client: Client) -> None:
    source("woocommerce")
    story = [
        (topic, topic.replace(".", "_"))
        for topic in woocommerce.TOPICS
        if (shops.RECORDED / "woocommerce" / f"{topic.replace('.', '_')}.json").exists()
    ]
    tell(client, "woocommerce", *story)
    before = (names(), Product.objects.count(), DataSubject.objects.count())

    tell(client, "woocommerce", *story)

    assert len(story) == 10
    assert (names(), Product.objects.count(), DataSubject.objects.count()) == before
    assert failed() == []


def test_a_hubspot_contact_grows_property_by_property(client: Client) -> None:
    source("hubspot")
    for part in ("creation", "changes", "older_city"):
        shops.hubspot(client, recorded("hubspot", part))
    worked = shops.work()

    profile = CustomerProfile.objects.get()
    assert profile.subject == who("1246965", space="hubspot")
    assert profile.attributes == {"city": "Graz"}
    assert identify.emails([profile.pk]) == {profile.pk: "carla.contact@firm.example"}
    # The older city, and a property nobody registered.
    assert (worked.done, worked.ignored, worked.failed) == (4, 2, 0)


def test_a_hubspot_property_may_be_given_another_name(client: Client) -> None:
    source("hubspot", mapping={"properties": {"lifecyclestage": "city"}})

    shops.hubspot(client, recorded("hubspot", "changes")[3:])
    shops.work()

    assert CustomerProfile.objects.get().attributes == {"city": "subscriber"}


def test_an_opt_out_at_hubspot_is_a_withdrawal_and_its_absence_no_consent(client: Client) -> None:
    source("hubspot")
    out = recorded("hubspot", "opt_out")
    back = [{**out[0], "propertyValue": "false", "eventId": 1}]

    shops.hubspot(client, out)
    shops.hubspot(client, back)
    shops.work()

    assert ConsentRecord.objects.get().action == "withdrawn"
    assert not ConsentState.objects.get().is_granted


def test_only_a_deletion_for_privacy_is_a_request_for_erasure(client: Client) -> None:
    source("hubspot")
    shops.hubspot(client, recorded("hubspot", "creation"))
    shops.work()

    shops.hubspot(client, recorded("hubspot", "privacy_deletion"))
    worked = shops.work()

    assert (worked.done, worked.ignored) == (1, 2)
    request = PrivacyRequest.objects.get()
    assert (request.kind, request.subject) == ("erasure", who("1246965", space="hubspot"))


def test_a_signed_webhook_becomes_what_its_mapping_says(client: Client) -> None:
    source("generic")

    shops.generic(client, recorded("generic", "customer_updated"), id_="msg_1")
    shops.generic(client, recorded("generic", "order_paid"), id_="msg_2")
    shops.work()

    profile = CustomerProfile.objects.get()
    assert profile.attributes == {"country": "AT"}
    assert ConsentRecord.objects.get().occurred_at == datetime(2026, 2, 1, 8, tzinfo=UTC)
    event = Event.objects.get()
    assert (event.name, event.profile_id) == ("Order Completed", profile.pk)
    assert (event.amount, event.currency) == (Decimal("47.58"), "EUR")
    assert event.occurred_at == datetime(2026, 3, 1, 8, 58, tzinfo=UTC)
    assert EventItem.objects.count() == 2
    assert failed() == []


def test_a_signed_webhook_told_again_under_another_id_adds_nothing(client: Client) -> None:
    source("generic")

    for id_ in ("msg_1", "msg_2"):
        shops.generic(client, recorded("generic", "order_paid"), id_=id_)
    shops.work()

    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("paid_at", None, "data.paid_at: is missing; write a ? after the path if it may be"),
        ("paid_at", "Gina Generic", "data.paid_at: … is not a time"),
        ("lines", None, "data.lines: is missing or no list"),
        ("total", {"amount": 1}, "data.total: is an object"),
        ("customer", {"id": None}, "data.customer.id: is missing"),
    ],
)
def test_what_a_mapping_misses_is_named_and_can_be_mended(
    client: Client, path: str, value: Any, reason: str
) -> None:
    source("generic")
    order = recorded("generic", "order_paid")
    order["data"][path] = value

    shops.generic(client, order)
    shops.work()

    assert len(failed()) == 1
    assert failed()[0].startswith(reason)
    assert not Event.objects.exists()
    assert WebhookDelivery.objects.get().payload


def test_a_topic_without_rules_is_ignored(client: Client) -> None:
    source("generic")

    shops.generic(client, {"type": "invoice.drafted", "data": {}}, id_="1")
    shops.generic(client, {"data": {}}, id_="2")
    worked = shops.work()

    assert worked.ignored == 2


def test_an_event_makes_nobody_known_by_an_address(client: Client) -> None:
    rules = {"event": "Webinar Attended", "email": "data.email"}
    source("generic", mapping={"topics": {"webinar": rules}})

    shops.generic(client, {"type": "webinar", "data": {"email": "new@nobody.example"}})
    worked = shops.work()

    assert worked.ignored == 1
    assert not DataSubject.objects.exists()
    assert not InboxEvent.objects.exists()


def test_the_example_mapping_passes_its_check() -> None:
    assert mapping.problems("generic", mapping.EXAMPLE) == []


@pytest.mark.parametrize("kind", list(Source.Kind))
def test_the_mappings_of_the_tests_pass_their_checks(kind: str) -> None:
    assert mapping.problems(kind, shops.MAPPING.get(kind, {})) == []


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        ("shopify", [], "has to be a JSON object"),
        ("shopify", {"currency": "Euro"}, "currency: write three letters"),
        ("shopify", {"shop_domain": "https://x.example/"}, "shop_domain: write the bare host"),
        ("woocommerce", {"site": "shop.example"}, "site: write the address"),
        ("woocommerce", {"currency": 1}, "currency:"),
        ("hubspot", {"properties": []}, "properties: write an object"),
        ("hubspot", {"properties": {"a": 1}}, "properties.a: write the name"),
        ("generic", {}, "topics: write an object"),
        ("generic", {"topic": 1, "topics": {"a": {"product": {"product_id": "x"}}}}, "topic: "),
        ("generic", {"topics": {"a": 1}}, "topics.a: write an object"),
        ("generic", {"topics": {"a": {}}}, "topics.a: say what it makes"),
        ("generic", {"topics": {"a": {"event": "X"}}}, "topics.a: an event needs"),
        ("generic", {"topics": {"a": {"event": 1, "email": "x"}}}, "topics.a.event: write a text"),
        ("generic", {"topics": {"a": {"evnt": "X"}}}, "topics.a.evnt: is not known"),
        ("generic", {"topics": {"a": {"customer": {"city": "x"}}}}, "topics.a.customer: needs"),
        ("generic", {"topics": {"a": {"product": {"name": "x"}}}}, "topics.a.product: needs"),
        ("generic", {"topics": {"a": {"event": "X", "email": "e", "products": {"in": "x"}}}},
         "topics.a.products: needs"),
        ("generic", {"topics": {"a": {"event": "X", "email": "e", "properties": {"x": 1}}}},
         "topics.a.properties.x: write a path"),
        ("generic", {"topics": {"a": {"event": "X", "email": "e", "consent": {"x": "y"}}}},
         "topics.a.consent: needs customer"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_work_says_where(kind: str, given: Any, problem: str) -> None:
    found = mapping.problems(kind, given)

    assert any(problem in each for each in found), found
