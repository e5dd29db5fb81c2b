"""The pages of webhook deliveries: what came of each, masked payloads, another try."""

import pytest
from django.test import Client
from django.urls import reverse

from consent.models import AuditEntry
from personalization.models import WebhookDelivery
from personalization.sources import deliveries
from tests.browser import DESKTOP, PHONE, Open, overflow
from tests.consent.people import NOON
from tests.personalization import webhook_support as shops
from tests.personalization.factories import client_of, queries
from tests.personalization.webhook_support import recorded, source

LIST = "admin:personalization_webhookdelivery_changelist"


def failed() -> WebhookDelivery:
    """An order without its number, of somebody with a name and an address."""
    shop = source("shopify")
    body = shops.body_of({**recorded("shopify", "orders_create"), "id": None})
    deliveries.take(shop, delivery_id="d-1", topic="orders/create", body=body, now=NOON)
    deliveries.work(now=NOON)
    return WebhookDelivery.objects.get(delivery_id="d-1")


def page(delivery: WebhookDelivery) -> str:
    return reverse("admin:personalization_webhookdelivery_change", args=[delivery.pk])


@pytest.mark.usefixtures("roles")
def test_the_list_shows_state_topic_and_reason() -> None:
    failed()

    shown = client_of("marketer").get(reverse(LIST)).content.decode()

    assert "orders/create" in shown
    assert "at-bad" in shown
    assert "number at Shopify finds it again" in shown


@pytest.mark.usefixtures("roles")
def test_an_empty_list_teaches() -> None:
    shown = client_of("marketer").get(reverse(LIST)).content.decode()

    assert "No deliveries yet" in shown


@pytest.mark.usefixtures("roles")
def test_the_list_takes_the_same_queries_for_2_and_for_12_rows() -> None:
    shop, client, counts = source("shopify"), client_of("marketer"), []
    for numbers in (range(2), range(2, 12)):
        for number in numbers:
            deliveries.take(shop, delivery_id=f"d{number}", topic="a/b", body=b"{}", now=NOON)
        counts.append(queries(client, reverse(LIST)))

    assert counts[0] == counts[1]


@pytest.mark.usefixtures("roles")
def test_a_payload_is_shown_masked_to_who_may_and_that_is_noted() -> None:
    delivery = failed()

    shown = client_of("compliance").get(page(delivery)).content.decode()

    assert "b***" in shown
    for word in ("biller", "Billing Street", "203.0.113.99", "68778783ad298f", "ice cream"):
        assert word not in shown
    assert "706405506930370084" not in shown
    assert "Example T-Shirt" in shown
    entry = AuditEntry.objects.get(action="personal_data.view")
    assert (entry.object_type, entry.object_id) == (
        "personalization.webhookdelivery", str(delivery.pk),
    )  # fmt: skip


@pytest.mark.usefixtures("roles")
def test_the_values_of_a_contact_are_masked() -> None:
    shop = source("hubspot")
    changed = {**recorded("hubspot", "changes")[1], "occurredAt": None}
    deliveries.take(
        shop, delivery_id="d", topic="contact.propertyChange", body=shops.body_of(changed), now=NOON
    )
    deliveries.work(now=NOON)

    shown = client_of("compliance").get(page(WebhookDelivery.objects.get())).content.decode()

    assert "firstname" in shown
    assert "Carla" not in shown
    assert "1246965" not in shown


@pytest.mark.usefixtures("roles")
def test_a_payload_stays_sealed_for_everybody_else() -> None:
    shown = client_of("marketer").get(page(failed())).content.decode()

    assert "Sealed" in shown
    assert "Example T-Shirt" not in shown
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


@pytest.mark.parametrize("body", [b"{not json", b"\xff\xfe", b'"text"'])
@pytest.mark.usefixtures("roles")
def test_a_payload_that_is_no_object_does_not_break_the_page(body: bytes) -> None:
    shop = source("shopify")
    deliveries.take(shop, delivery_id="d", topic="orders/create", body=body, now=NOON)
    deliveries.work(now=NOON)

    answer = client_of("compliance").get(page(WebhookDelivery.objects.get()))

    assert answer.status_code == 200


def try_again(client: Client, delivery: WebhookDelivery) -> int:
    url = reverse("admin:personalization_webhookdelivery_retry", args=[delivery.pk])
    return client.post(url).status_code


@pytest.mark.usefixtures("roles")
def test_who_sets_up_sources_tries_again_and_others_do_not() -> None:
    delivery = failed()

    refused = try_again(client_of("analyst"), delivery)
    unchanged = WebhookDelivery.objects.get().state
    done = try_again(client_of("marketer"), delivery)

    assert (refused, unchanged, done) == (403, "failed", 302)
    assert WebhookDelivery.objects.get().state == "waiting"


@pytest.mark.usefixtures("roles")
def test_the_action_of_the_list_tries_again_what_failed() -> None:
    delivery = failed()
    given = {"action": "retry", "_selected_action": [delivery.pk]}

    answer = client_of("marketer").post(reverse(LIST), given, follow=True)

    assert "1 tried again now" in answer.content.decode()
    assert WebhookDelivery.objects.get().state == "waiting"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_pages_fit_a_desktop_and_a_phone(open_as: Open) -> None:
    delivery = failed()

    for address in (reverse(LIST), page(delivery)):
        for width in (DESKTOP, PHONE):
            assert overflow(open_as("compliance", address, width=width)) <= 0
