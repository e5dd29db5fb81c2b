"""Working on deliveries: order, retries, faults, two workers, and what is left behind."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import AuditEntry
from personalization.importing.values import CellError
from personalization.models import Event, Product, Source, SourceObject, WebhookDelivery
from personalization.sources import carry, deliveries
from personalization.sources.delivered import Delivered
from personalization.sources.reading import parse
from tests.campaigns.factories import staff
from tests.consent.people import NOON, at_once
from tests.consent.test_marker_scan import leaks, raw_rows
from tests.personalization import webhook_support as shops
from tests.personalization.ground import apply_all, real_commits
from tests.personalization.webhook_support import recorded, source

__all__ = ["real_commits"]
pytestmark = pytest.mark.django_db


def stored(shop: Source, topic: str, payload: Any, *, id_: str) -> WebhookDelivery:
    deliveries.take(shop, delivery_id=id_, topic=topic, body=shops.body_of(payload), now=NOON)
    return WebhookDelivery.objects.get(source=shop, delivery_id=id_)


def again(delivery: WebhookDelivery) -> WebhookDelivery:
    return WebhookDelivery.objects.get(pk=delivery.pk)


def test_what_is_done_with_keeps_no_payload_and_what_failed_does() -> None:
    shop = source("shopify")
    good = stored(shop, "customers/create", recorded("shopify", "customers_create"), id_="1")
    bad = stored(shop, "customers/create", {"email": "bob@biller.example"}, id_="2")

    worked = deliveries.work(now=NOON)

    assert (worked.done, worked.failed) == (1, 1)
    assert (again(good).state, again(good).payload, again(good).done_at) == ("done", None, NOON)
    assert again(bad).reason == "id: is missing: the customer's number at Shopify finds them again"
    assert deliveries.body_of(again(bad)) == b'{"email": "bob@biller.example"}'


@pytest.mark.usefixtures("roles")
def test_a_failed_delivery_is_tried_again_by_hand() -> None:
    shop = source("shopify", mapping={})
    bad = stored(shop, "products/create", recorded("shopify", "products_create"), id_="1")
    done = stored(shop, "themes/publish", {}, id_="2")
    deliveries.work(now=NOON)
    Source.objects.filter(pk=shop.pk).update(mapping={"currency": "EUR"})

    count = deliveries.retry([bad.pk, done.pk], actor=staff("marketer"))
    deliveries.work(now=NOON)

    assert count == 1
    assert (again(bad).state, again(bad).reason, again(bad).payload) == ("done", "", None)
    assert Product.objects.count() == 1
    entry = AuditEntry.objects.get(action="webhook_delivery.retry")
    assert entry.detail == {"deliveries": [bad.pk]}


def test_a_refund_without_its_order_fails_after_half_an_hour() -> None:
    shop = source("shopify")
    refund = stored(shop, "refunds/create", recorded("shopify", "refunds_create"), id_="1")
    waits = []
    now = NOON
    for _ in range(deliveries.TRIES):
        deliveries.work(now=now)
        due_at = again(refund).due_at
        assert due_at is not None
        waits.append(due_at - now)
        now = max(now, due_at)

    assert (again(refund).state, again(refund).tries) == ("failed", deliveries.TRIES)
    assert waits[:5] == [timedelta(minutes=each) for each in (1, 2, 4, 8, 16)]
    assert "order of this refund" in again(refund).reason


def test_a_shop_that_tells_of_products_only_is_not_silent() -> None:
    shop = source("shopify")
    stored(shop, "products/create", recorded("shopify", "products_create"), id_="1")

    deliveries.work(now=NOON)

    assert Source.objects.get(pk=shop.pk).last_event_at == NOON


def test_what_waits_for_its_time_does_not_hold_up_the_others() -> None:
    shop = source("shopify")
    stored(shop, "refunds/create", recorded("shopify", "refunds_create"), id_="1")
    later = stored(shop, "products/create", recorded("shopify", "products_create"), id_="2")

    worked = deliveries.work(now=NOON)

    assert (worked.again, worked.done) == (1, 1)
    assert again(later).state == "done"


@pytest.mark.parametrize(
    ("fault", "state"), [(OperationalError("deadlock"), "waiting"), (DataError("huge"), "failed")]
)
def test_a_fault_of_the_database_is_tried_again_and_a_value_too_large_is_not(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, state: str
) -> None:
    def refuse(given: Delivered, **_: object) -> str:
        raise fault

    monkeypatch.setattr(carry, "carry", refuse)
    one = stored(source("shopify"), "orders/create", {"id": 1}, id_="1")

    deliveries.work(now=NOON)

    assert again(one).state == state
    assert again(one).reason


def test_a_fault_of_ours_is_raised_and_does_not_hold_up_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = source("shopify")
    faulty = stored(shop, "orders/create", recorded("shopify", "orders_create"), id_="1")
    next_one = stored(shop, "products/create", recorded("shopify", "products_create"), id_="2")
    real = carry.carry

    def break_on_orders(given: Delivered, *, source: Source, now: datetime) -> str:
        if given.topic == "orders/create":
            raise ZeroDivisionError
        return real(given, source=source, now=now)

    monkeypatch.setattr(carry, "carry", break_on_orders)
    with pytest.raises(ZeroDivisionError):
        deliveries.work(now=NOON)
    worked = deliveries.work(now=NOON)

    assert worked.done == 1
    assert (again(faulty).state, again(faulty).tries) == ("waiting", 1)
    assert again(next_one).state == "done"


def test_changed_bytes_fail_and_name_no_value() -> None:
    one = stored(source("shopify"), "orders/create", {"id": 1}, id_="1")
    other = stored(Source.objects.get(slug="shopify"), "orders/create", {"id": 2}, id_="2")
    WebhookDelivery.objects.filter(pk=one.pk).update(payload=other.payload)

    worked = deliveries.work(now=NOON)

    assert again(one).state == "failed"
    assert "does not open" in again(one).reason
    assert worked.failed == 1


def test_old_deliveries_are_forgotten_and_the_payload_of_failed_ones_before() -> None:
    shop = source("shopify")
    stored(shop, "customers/create", {}, id_="failed")
    deliveries.work(now=NOON)
    waiting = stored(shop, "customers/create", {}, id_="waiting")

    after_a_month = deliveries.forget_old(now=NOON + timedelta(days=31))
    emptied = WebhookDelivery.objects.get(delivery_id="failed")
    after_a_quarter = deliveries.forget_old(now=NOON + timedelta(days=91))

    assert (after_a_month, emptied.payload, after_a_quarter) == (0, None, 1)
    assert again(waiting).payload


def test_two_workers_do_everything_once(real_commits: None) -> None:
    shop = source("shopify")
    product = recorded("shopify", "products_create")
    order = recorded("shopify", "orders_create")
    stored(shop, "products/create", product, id_="p")
    for number in range(12):
        stored(shop, "orders/create", {**order, "id": 1000 + number}, id_=f"o{number}")

    first, second = at_once(lambda: deliveries.work(now=NOON), lambda: deliveries.work(now=NOON))
    rest = deliveries.work(now=NOON)
    apply_all(now=NOON)

    assert first.done + second.done + rest.done == 13
    assert first.failed + second.failed + first.again + second.again == 0
    assert Event.objects.filter(name="Order Completed").count() == 12


def test_a_delivery_costs_the_same_however_many_wait(django_assert_max_num_queries: Any) -> None:
    shop = source("shopify")
    for number in range(30):
        stored(shop, "customers/delete", {"id": number}, id_=f"{number}")

    # Begin, lock, take, begin, commit, end, commit: seven each; the beginning and the end besides.
    with django_assert_max_num_queries(30 * 7 + 9):
        deliveries.work(now=NOON)


def test_what_stands_in_no_table_in_clear(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    source("shopify")
    marked = {
        "id": "qzx-7741", "email": "Zebulonia.Quirkmarker@Marker-Domain.example",
        "first_name": "Zebulonia", "last_name": "Quirkmarkerson", "phone": "+49 151 99887766",
        "updated_at": "2026-02-28T18:00:00Z",
        "default_address": {"address1": "Xylophonallee 4711", "city": "Graz"},
    }  # fmt: skip
    order = {
        **recorded("shopify", "orders_create"), "customer": marked, "email": marked["email"],
        "cart_token": "zebulonia-cart", "billing_address": {"address1": "Xylophonallee 4711"},
    }  # fmt: skip
    checkout = {**recorded("shopify", "checkouts_update"), "customer": marked,
                "email": marked["email"], "cart_token": "zebulonia-cart"}  # fmt: skip
    cart = {**recorded("shopify", "carts_update"), "token": "zebulonia-cart",
            "id": "zebulonia-cart"}  # fmt: skip
    broken = {**marked, "id": None}
    redact = {"shop_id": 1, "customer": {"id": "qzx-7741", "email": marked["email"]}}
    told = (
        ("customers/create", marked), ("orders/create", order), ("checkouts/update", checkout),
        ("carts/update", cart), ("customers/update", broken), ("customers/redact", redact),
    )  # fmt: skip

    for number, (topic, payload) in enumerate(told):
        shops.shopify(client, topic, payload, id_=f"d{number}")
    assert leaks(raw_rows()) == []
    shops.work()

    assert WebhookDelivery.objects.filter(state="done").count() == 5
    assert WebhookDelivery.objects.filter(state="failed").count() == 1
    assert SourceObject.objects.count() >= 3
    assert leaks(raw_rows()) == []
    assert "zebulonia" not in caplog.text.lower()


_TOPICS = [(kind, topic) for kind, topics in shops.TOPICS.items() for topic in topics]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(shops.KEYS, inner, max_size=6),
    max_leaves=25,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind_topic=st.sampled_from(_TOPICS), body=_JSON)
def test_any_json_is_read_or_refused_with_a_reason(
    kind_topic: tuple[str, str], body: object
) -> None:
    kind, topic = kind_topic
    found: list[object] = []
    try:
        read = parse(shops.body_of(body))
        found += carry.READERS[kind](Delivered("id", topic, read, NOON, shops.MAPPING[kind]))
    except CellError as fault:
        found.append(str(fault))

    assert all(found)
    assert found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind_topic=st.sampled_from(_TOPICS), data=st.data())
def test_a_recorded_body_with_one_value_changed_never_breaks_a_worker(
    kind_topic: tuple[str, str], data: st.DataObject
) -> None:
    kind, topic = kind_topic
    shop = Source.objects.filter(slug=kind).first() or source(kind)
    body = data.draw(shops.changed(shops.any_recorded(kind, topic)))
    WebhookDelivery.objects.all().delete()
    delivery = stored(shop, topic, body, id_="one")

    deliveries.work(now=NOON)
    apply_all(now=NOON)

    delivery.refresh_from_db()
    assert delivery.state in ("done", "ignored", "failed", "waiting")
    assert delivery.state == "done" or delivery.reason
