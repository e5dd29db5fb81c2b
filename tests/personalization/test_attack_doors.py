"""Attacks on doors: forged hits, keys of others, roles that may not, pages that change by GET."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from consent.models import AuditEntry
from personalization.ingest import callers
from personalization.models import InboxEvent, Source, WebhookDelivery
from personalization.sources import deliveries
from personalization.views import collector
from tests.campaigns.factories import staff
from tests.consent.people import NOON
from tests.personalization import webhook_support as shops
from tests.personalization.collector_support import KEY, post, source, track, waiting
from tests.personalization.factories import client_of

pytestmark = pytest.mark.django_db
ROLES = ("marketer", "analyst", "approver", "compliance", "admin")
MAY_CHANGE_SOURCES = {"marketer", "admin"}


@pytest.fixture
def world(roles: None) -> dict[str, Any]:
    """A website, a signed source, an event in quarantine and a failed delivery."""
    website, signed = source(), shops.source("generic")
    post("/v1/batch", {"batch": [track("bad", timestamp="yesterday")]})
    deliveries.take(signed, delivery_id="d-1", topic="x", body=b'{"a": 1}', now=NOON)
    WebhookDelivery.objects.update(state=WebhookDelivery.State.FAILED)
    return {
        "website": website, "signed": signed, "caught": InboxEvent.objects.get(),
        "failed": WebhookDelivery.objects.get(),
    }  # fmt: skip


def acts(world: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Every way in the admin to change something of the ingestion."""
    caught, failed = str(world["caught"].pk), str(world["failed"].pk)
    listed = "admin:personalization_{}_changelist"
    return [
        (reverse("admin:personalization_source_write_key", args=[world["website"].pk]), {}),
        (reverse("admin:personalization_source_secret", args=[world["signed"].pk]), {}),
        (reverse("admin:personalization_source_add"),
         {"name": "New", "slug": "new", "kind": "collector", "mapping": "{}"}),
        (reverse("admin:personalization_source_change", args=[world["website"].pk]),
         {"name": "Other", "mapping": "{}"}),
        (reverse("admin:personalization_inboxevent_mend", args=[caught]),
         {"written": json.dumps(track("bad"))}),
        (reverse(listed.format("inboxevent")),
         {"action": "replay", "_selected_action": caught}),
        (reverse(listed.format("inboxevent")),
         {"action": "discard", "sure": "1", "_selected_action": caught}),
        (reverse("admin:personalization_webhookdelivery_retry", args=[failed]), {}),
        (reverse(listed.format("webhookdelivery")),
         {"action": "retry", "_selected_action": failed}),
    ]  # fmt: skip


def everything() -> list[object]:
    """What is stored, and what was done by whom; looking is noted and changes nothing."""
    done = AuditEntry.objects.exclude(action="personal_data.view")
    return [
        list(Source.objects.order_by("pk").values_list("slug", "name", "write_key", "secrets")),
        list(InboxEvent.objects.values_list("pk", "quarantined_at", "reason")),
        list(WebhookDelivery.objects.values_list("pk", "state", "tries")),
        done.count(),
    ]


def test_only_who_sets_up_sources_changes_anything_of_them(world: dict[str, Any]) -> None:
    before = everything()

    for role in sorted(set(ROLES) - MAY_CHANGE_SOURCES):
        client = client_of(role)
        for url, given in acts(world):
            answer = client.post(url, given)
            assert answer.status_code in {403, 302, 200}, (role, url)
            assert everything() == before, (role, url, given)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 7, 8])
def test_who_sets_up_sources_does_each_of_it(world: dict[str, Any], number: int) -> None:
    before = everything()

    url, given = acts(world)[number]
    client_of("marketer").post(url, given)

    assert everything() != before


def test_nobody_without_an_account_changes_or_sees_anything(world: dict[str, Any]) -> None:
    before = everything()

    for url, given in acts(world):
        for answer in (Client().post(url, given), Client().get(url)):
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")
    assert everything() == before


def test_no_get_changes_anything(world: dict[str, Any]) -> None:
    before = everything()

    for role in ROLES:
        client = client_of(role)
        for url, given in acts(world):
            assert client.get(url, given).status_code in {200, 302, 403, 404, 405}
            assert everything() == before, (role, url)


def test_a_form_of_another_site_changes_nothing(world: dict[str, Any]) -> None:
    before = everything()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff("admin"))

    for url, given in acts(world):
        assert client.post(url, given).status_code == 403
    assert everything() == before


def test_every_page_answers_every_role_with_a_page_or_a_refusal(world: dict[str, Any]) -> None:
    rows = (("source", "website"), ("source", "signed"), ("inboxevent", "caught"),
            ("webhookdelivery", "failed"))  # fmt: skip
    urls = [
        reverse(f"admin:personalization_{model}_{kind}", args=[world[row].pk])
        for model, row in rows
        for kind in ("change", "history", "delete")
    ]
    for model in sorted({each._meta.model_name or "" for each in admin.site._registry}):
        for kind in ("changelist", "add"):
            with suppress(NoReverseMatch):
                urls.append(reverse(f"admin:personalization_{model}_{kind}"))
    assert len(urls) > 30

    for role in ROLES:
        client = client_of(role)
        for url in urls:
            assert client.get(url).status_code in {200, 302, 403, 404}, (role, url)


def test_no_secret_is_on_any_page_of_a_source(world: dict[str, Any]) -> None:
    page = reverse("admin:personalization_source_change", args=[world["signed"].pk])

    for role in ROLES:
        answer = client_of(role).get(page)
        assert shops.GENERIC_SECRET not in answer.content.decode()


def test_a_key_brings_events_into_its_own_source_only_and_ends_with_it() -> None:
    one, two = source(), source("wk_second", slug="second", name="Second")
    post("/v1/track", {**track("m1"), "writeKey": "wk_second"}, key=KEY)
    post("/v1/track", track("m1"), key="wk_second")

    assert {row.source for row in InboxEvent.objects.all()} == {one, two}

    Source.objects.filter(pk=two.pk).update(is_active=False)
    callers.forget()
    assert post("/v1/track", track("m2"), key="wk_second").status_code == 401
    assert InboxEvent.objects.count() == 2


def test_a_forged_picture_cannot_say_consent_or_who_somebody_is() -> None:
    source()
    given = {
        "key": KEY, "type": "identify", "userId": "C-1", "event": "x", "previousId": "C-2",
        "traits": '{"email": "eve@example.com"}', "email": "eve@example.com",
        "consent": '{"profiling": true}', "context": '{"consent": {"profiling": true}}',
        "context.consent.profiling": "true",
    }  # fmt: skip

    assert Client().get("/pixel.gif", given).status_code == 200

    (event,) = waiting()
    assert (event["type"], event["traits"], event["said"]) == ("track", {}, [])
    assert event["previous_id"] == ""


def test_no_page_that_reads_cookies_lets_other_sites_read_it(roles: None) -> None:
    client = client_of("admin")
    source()

    for url in ("/admin/", "/admin/personalization/source/", "/api/v1/products/", "/metrics"):
        answer = client.get(url, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers, url
    answer = client.get(f"/sourceConfig/?writeKey={KEY}", headers={"Origin": "https://x.example"})
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies


@pytest.mark.parametrize(
    "url",
    [
        "/sourceConfig/?" + "&".join(f"a{n}=1" for n in range(1_100)),
        "/sourceConfig/?writeKey=%00",
        "/v1/projects/%00/settings",
        f"/v1/projects/{'k' * 5_000}/settings",
        "/i?e=pv&aid=%00",
        "/i?" + "&".join(f"a{n}=1" for n in range(1_100)),
    ],
)
def test_odd_addresses_get_an_answer_in_json(url: str) -> None:
    answer = Client().get(url)

    assert answer.status_code in {400, 401}
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize("shop", ["shopify", "woocommerce", "hubspot"])
@pytest.mark.parametrize("asked", ["%00", "%0a", "%F0%9F", "a" * 9_000])
def test_a_source_that_no_column_can_hold_is_refused(shop: str, asked: str) -> None:
    answer = Client().post(
        f"/webhooks/{shop}/?source={asked}", b"{}", content_type="application/json"
    )

    assert answer.status_code == 401


def test_two_deliveries_whose_long_ids_begin_alike_are_two(client: Client) -> None:
    shops.source("shopify")
    for number in range(2):
        body = {"id": number + 1, "email": f"c{number}@shop.example"}
        shops.shopify(client, "customers/create", body, id_="x" * 200 + str(number))

    assert WebhookDelivery.objects.count() == 2


def test_a_webhook_nested_like_an_abyss_fails_and_its_page_shows_why(roles: None) -> None:
    shop = shops.source("shopify")
    deep = b'{"id": 1, "note": ' + b"[" * 900 + b"]" * 900 + b"}"
    deliveries.take(shop, delivery_id="d", topic="customers/create", body=deep, now=timezone.now())

    deliveries.work(now=timezone.now())

    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.reason) == ("failed", "body: is nested deeper than 254 levels")
    page = reverse("admin:personalization_webhookdelivery_change", args=[delivery.pk])
    assert client_of("compliance").get(page).status_code == 200


def test_a_bomb_is_not_unpacked_for_a_key_nobody_has() -> None:
    answer = post("/v1/batch", gzip.compress(bytes(60_000_000)), key="wk_nobody")

    assert answer.status_code == 413
    assert collector.MOST_EVENTS == 2_500
