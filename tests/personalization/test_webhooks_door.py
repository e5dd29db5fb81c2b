"""The door for webhooks: genuine ones are stored once and answered at once, all else is refused."""

import json
import threading
from datetime import timedelta
from typing import Any
from urllib import request as http

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.live_server_helper import LiveServer

from personalization import tasks
from personalization.models import Source, WebhookDelivery
from personalization.sources import deliveries, reception, secrets
from tests.personalization import webhook_support as shops
from tests.personalization.webhook_support import SECRET, recorded, source

pytestmark = pytest.mark.django_db

CUSTOMER = {"id": 1, "email": "bob@biller.example"}


def test_a_genuine_delivery_is_stored_once_and_sealed(client: Client) -> None:
    shop = source("shopify")

    answer = shops.shopify(client, "customers/create", recorded("shopify", "customers_create"))

    assert (answer.status_code, answer.json()) == (200, {"status": "accepted", "stored": 1})
    stored = WebhookDelivery.objects.get()
    assert (stored.source, stored.topic, stored.state) == (shop, "customers/create", "waiting")
    assert b"biller" not in bytes(stored.payload or b"").lower()
    assert stored.payload


def test_a_repeated_delivery_is_answered_and_not_stored_again(client: Client) -> None:
    source("shopify")
    shops.shopify(client, "customers/create", CUSTOMER)

    again = shops.shopify(client, "customers/create", CUSTOMER)

    assert (again.status_code, again.json()) == (200, {"status": "repeated", "stored": 0})
    assert WebhookDelivery.objects.count() == 1


def test_headers_without_x_are_those_of_shopify_too(client: Client) -> None:
    source("shopify")

    answer = shops.shopify(client, "customers/create", CUSTOMER, prefix="Shopify-")

    assert answer.status_code == 200
    assert WebhookDelivery.objects.get().topic == "customers/create"


def test_the_address_may_name_the_source(client: Client) -> None:
    named = source("shopify", slug="outlet", mapping={})

    answer = shops.shopify(client, "customers/create", CUSTOMER, query="?source=outlet")

    assert answer.status_code == 200
    assert WebhookDelivery.objects.get().source == named


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another-secret"},
        {"altered": b'{"id": 2, "email": "bob@biller.example"}'},
        {"altered": json.dumps(CUSTOMER, separators=(",", ":")).encode()},
        {"domain": "other-shop.myshopify.com"},
        {"query": "?source=nobody"},
        {"query": "?source=attune"},
    ],
)
def test_whatever_is_not_genuine_gets_one_and_the_same_refusal(
    client: Client, wrong: dict[str, Any]
) -> None:
    source("shopify")

    answer = shops.shopify(client, "customers/create", CUSTOMER, **wrong)

    assert answer.status_code == 401
    assert answer.json() == dict(reception.REFUSED.text)
    assert not WebhookDelivery.objects.exists()


def test_a_source_that_is_switched_off_takes_nothing(client: Client) -> None:
    source("shopify", is_active=False)

    assert shops.shopify(client, "customers/create", CUSTOMER).status_code == 401


def test_a_source_without_a_secret_takes_nothing(client: Client) -> None:
    Source.objects.create(slug="s", name="S", kind="shopify", mapping=shops.MAPPING["shopify"])

    assert shops.shopify(client, "customers/create", CUSTOMER, secret="").status_code == 401


def test_no_signature_at_all_is_refused(client: Client) -> None:
    source("shopify")
    source("hubspot")
    source("generic")
    paths = ("shopify/?source=shopify", "woocommerce/", "hubspot/", "generic/generic/", "shopify")

    for path in paths:
        answer = client.post(f"/webhooks/{path}", data=b"{}", content_type="application/json")
        assert answer.status_code == 401, path


def test_both_secrets_hold_during_a_rotation_and_the_old_one_for_a_day(client: Client) -> None:
    shop = source("shopify")
    secrets.rotate(shop, secret="the-next-secret", now=timezone.now() - timedelta(hours=1))

    with_new = shops.shopify(client, "a/b", CUSTOMER, id_="1", secret="the-next-secret")
    with_old = shops.shopify(client, "a/b", CUSTOMER, id_="2", secret=SECRET)
    secrets.rotate(shop, secret="the-third-secret", now=timezone.now() - timedelta(hours=25))
    too_late = shops.shopify(client, "a/b", CUSTOMER, id_="3", secret="the-next-secret")

    assert [with_new.status_code, with_old.status_code, too_late.status_code] == [200, 200, 401]


def test_a_body_over_the_limit_is_too_large(client: Client) -> None:
    source("shopify")
    most = json.dumps({"note": "x" * (reception.LARGEST_BYTES - 12)}).encode()

    fits = shops.shopify(client, "customers/create", most)
    over = shops.shopify(client, "customers/create", most + b" ", id_="2")

    assert len(most) == reception.LARGEST_BYTES
    assert (fits.status_code, over.status_code) == (200, 413)
    assert over.json()["error"] == "too_large"


def test_a_get_is_not_a_webhook(client: Client) -> None:
    assert client.get("/webhooks/shopify/").status_code == 405


def test_the_ping_of_a_new_woocommerce_webhook_gets_its_answer(client: Client) -> None:
    answer = client.post("/webhooks/woocommerce/", {"webhook_id": "142"})
    raw = client.post(
        "/webhooks/woocommerce/", b"webhook_id=142", "application/x-www-form-urlencoded"
    )
    more = client.post(
        "/webhooks/woocommerce/", b"webhook_id=142&x=1", "application/x-www-form-urlencoded"
    )

    assert (raw.status_code, raw.json()) == (200, {"status": "pong"})
    assert answer.status_code == more.status_code == 401
    assert not WebhookDelivery.objects.exists()


def test_woocommerce_is_known_by_the_address_of_its_shop(client: Client) -> None:
    shop = source("woocommerce")

    answer = shops.woocommerce(client, "customer.created", {"id": 25})
    wrong = shops.woocommerce(client, "customer.created", {"id": 25}, secret="not-this-one")

    assert (answer.status_code, wrong.status_code) == (200, 401)
    assert WebhookDelivery.objects.get().source == shop


def test_each_event_of_a_hubspot_notification_is_a_delivery(client: Client) -> None:
    source("hubspot")
    events = recorded("hubspot", "changes")

    first = shops.hubspot(client, events)
    retried = shops.hubspot(client, [{**each, "attemptNumber": 1} for each in events])

    assert (first.json()["stored"], retried.json()["stored"]) == (4, 0)
    assert WebhookDelivery.objects.count() == 4


def test_hubspot_signs_the_public_address_or_that_of_the_request(client: Client) -> None:
    source("hubspot")
    body = recorded("hubspot", "creation")

    public = shops.hubspot(client, body, query="?source=hubspot")
    own = shops.hubspot(client, body, host="http://testserver")
    other = shops.hubspot(client, body, host="https://elsewhere.example")

    assert [public.status_code, own.status_code, other.status_code] == [200, 200, 401]


def test_hubspot_is_recognised_behind_a_proxy(client: Client) -> None:
    source("hubspot")
    body = shops.body_of(recorded("hubspot", "creation"))
    millis = str(int(timezone.now().timestamp() * 1000))
    url = "https://testserver/webhooks/hubspot/"
    signature = shops.signed(b"POST" + url.encode() + body + millis.encode(), SECRET.encode())

    answer = client.post(
        "/webhooks/hubspot/", body, "application/json",
        headers={"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": millis,
                 "Host": "testserver", "X-Forwarded-Proto": "https"},
    )  # fmt: skip

    assert answer.status_code == 200
    assert django_settings.PUBLIC_URL != "https://testserver"


def test_of_two_hubspot_sources_the_address_has_to_name_one(client: Client) -> None:
    source("hubspot")
    source("hubspot", slug="second")

    unnamed = shops.hubspot(client, recorded("hubspot", "creation"))
    named = shops.hubspot(client, recorded("hubspot", "creation"), query="?source=second")

    assert (unnamed.status_code, named.status_code) == (401, 200)


def test_nobody_is_named_in_a_topic_taken_from_the_wrong_place(client: Client) -> None:
    source("generic", mapping={**shops.MAPPING["generic"], "topic": "data.customer.email"})

    shops.generic(client, recorded("generic", "order_paid"))

    assert WebhookDelivery.objects.get().topic == ""


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-10)])
def test_a_stale_timestamp_is_refused(client: Client, age: timedelta) -> None:
    source("hubspot")
    source("generic")
    then = timezone.now() - age

    crm = shops.hubspot(client, recorded("hubspot", "creation"), now=then)
    any_ = shops.generic(client, recorded("generic", "order_paid"), now=then)

    assert (crm.status_code, any_.status_code) == (401, 401)


def test_a_standard_webhook_is_taken_for_the_source_of_its_address(client: Client) -> None:
    source("generic", slug="billing")

    good = shops.generic(client, recorded("generic", "order_paid"), slug="billing")
    elsewhere = shops.generic(client, recorded("generic", "order_paid"), slug="nobody")

    assert (good.status_code, elsewhere.status_code) == (200, 401)
    assert WebhookDelivery.objects.get().topic == "order.paid"


def test_malformed_json_is_answered_and_fails_later(client: Client) -> None:
    source("shopify")
    source("hubspot")
    source("generic")

    answers = [
        shops.shopify(client, "customers/create", b'{"id": 1,'),
        shops.hubspot(client, b"[{]"),
        shops.hubspot(client, b'{"no": "list"}'),
        shops.hubspot(client, b"[1, null]"),
        shops.generic(client, b"\xff\xfe"),
    ]
    worked = shops.work()

    assert [answer.status_code for answer in answers] == [200] * 5
    assert worked.failed + worked.ignored == 6
    assert WebhookDelivery.objects.get(topic="customers/create").reason.startswith(
        "body: is not JSON"
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_whatever_a_genuine_body_holds_the_answer_is_200(client: Client, body: bytes) -> None:
    for kind in ("shopify", "woocommerce", "hubspot", "generic"):
        if not Source.objects.filter(slug=kind).exists():
            source(kind)
    WebhookDelivery.objects.all().delete()

    answers = [
        shops.shopify(client, "orders/create", body),
        shops.woocommerce(client, "order.created", body),
        shops.hubspot(client, body),
        shops.generic(client, body),
    ]
    worked = deliveries.work(now=timezone.now())

    assert [answer.status_code for answer in answers] == [200] * 4
    assert worked.taken == WebhookDelivery.objects.count()
    assert worked.done == 0


def test_a_new_delivery_wakes_a_worker_once_it_is_stored(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    source("shopify")

    with django_capture_on_commit_callbacks(execute=True) as woken:
        shops.shopify(client, "customers/create", CUSTOMER)
    with django_capture_on_commit_callbacks() as not_woken:
        shops.shopify(client, "customers/create", CUSTOMER)
    tasks.work_webhooks()

    assert (len(woken), len(not_woken)) == (1, 0)
    assert WebhookDelivery.objects.get().state == "done"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_connections_store_one_delivery(live_server: LiveServer) -> None:
    """Over real HTTP, at the same time: one is new, both are answered with 200."""
    source("shopify")
    body = shops.body_of(CUSTOMER)
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "customers/create",
        "X-Shopify-Shop-Domain": shops.DOMAIN,
        "X-Shopify-Hmac-Sha256": shops.signed(body, SECRET.encode()),
        "X-Shopify-Webhook-Id": "at-once",
    }
    answers: list[tuple[int, str]] = []

    def send() -> None:
        asked = http.Request(f"{live_server.url}/webhooks/shopify/", data=body, headers=headers)
        with http.urlopen(asked, timeout=120) as answer:
            answers.append((answer.status, json.loads(answer.read())["status"]))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [(200, "accepted"), (200, "repeated")]
    assert WebhookDelivery.objects.count() == 1
