"""Sources and the quarantine in the admin: keys, secrets, snippets, mending, masking."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.models import AuditEntry
from personalization.ingest import accept, inbox
from personalization.ingest.body import Parsed
from personalization.ingest.dialects import message
from personalization.ingest.dialects.sent import Sent
from personalization.models import InboxEvent, Source, WebhookDelivery
from personalization.sources import secrets, snippets
from tests.personalization.factories import client_of, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
ADD = reverse("admin:personalization_source_add")
QUARANTINE = reverse("admin:personalization_inboxevent_changelist")
FORM = {"name": "Web", "slug": "web", "kind": "collector", "is_active": "on", "mapping": "{}"}
RAW = {
    "type": "track",
    "event": "",
    "userId": "customer-7",
    "messageId": "m-1",
    "properties": {"email": "anna@example.com", "total": 5},
}


def page(source: Source, name: str = "change") -> str:
    return reverse(f"admin:personalization_source_{name}", args=[source.pk])


def source(kind: str = "collector", **given: object) -> Source:
    return Source.objects.create(slug="web", name="Web", kind=kind, **given)


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def caught(**changes: object) -> InboxEvent:
    web, _ = Source.objects.get_or_create(slug="web", defaults={"name": "Web"})
    raw = {**RAW, **changes}
    now = timezone.now()
    found = message.read(raw, sent=Sent(parsed=Parsed(raw, size=100), received_at=now))
    accept.accept([found], source=web, now=now)
    return InboxEvent.objects.latest("id")


def sheet(row: InboxEvent) -> str:
    return reverse("admin:personalization_inboxevent_change", args=[row.pk])


def mend(client: Client, row: InboxEvent, written: str) -> str:
    url = reverse("admin:personalization_inboxevent_mend", args=[row.pk])
    return client.post(url, {"written": written}, follow=True).content.decode()


def shown_json(html: str) -> dict[str, object]:
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", html, re.DOTALL)
    assert found
    plain = found[1].replace("&quot;", '"').replace("&#x27;", "'")
    parsed: dict[str, object] = json.loads(plain)
    return parsed


def test_a_website_gets_its_key_when_it_is_added_and_stands_in_its_snippets() -> None:
    client = client_of("marketer")

    answer = client.post(ADD, FORM, follow=True)

    web = Source.objects.get(slug="web")
    assert web.write_key is not None
    assert len(web.write_key) > 30
    shown = answer.content.decode()
    assert f"/attune.js?key={web.write_key}" in shown
    assert "Waiting for the first event" in shown
    assert AuditEntry.objects.filter(action="source.write_key.issue").count() == 1


def test_what_has_no_website_gets_no_key() -> None:
    client_of("marketer").post(ADD, {**FORM, "kind": "shopify"})

    assert Source.objects.get(slug="web").write_key is None


def test_nobody_adds_a_source_of_attune_itself() -> None:
    client_of("admin").post(ADD, {**FORM, "kind": "system"})

    assert not Source.objects.filter(slug="web").exists()


def test_a_short_name_that_stands_for_other_customers_is_refused() -> None:
    Source.objects.create(slug="app", name="App", kind="collector", id_space="web")

    shown = client_of("admin").post(ADD, FORM).content.decode()

    assert "already counts its customers under this word" in shown
    assert not Source.objects.filter(slug="web").exists()


def test_the_short_name_and_the_kind_stay() -> None:
    web = source()

    client_of("admin").post(page(web), {**FORM, "name": "New", "slug": "x", "kind": "file"})

    web.refresh_from_db()
    assert (web.name, web.slug, web.kind) == ("New", "web", "collector")


def test_a_mapping_that_cannot_work_is_refused_with_its_place() -> None:
    shop = source("shopify")
    client = client_of("admin")

    shown = client.post(page(shop), {**FORM, "mapping": '{"currency": "Euro"}'}).content.decode()
    client.post(page(shop), {**FORM, "mapping": '{"currency": "EUR"}'})

    assert "currency: write three letters" in shown
    shop.refresh_from_db()
    assert shop.mapping == {"currency": "EUR"}


def test_a_key_is_replaced_only_after_a_question() -> None:
    web = source(write_key="wk_old")
    client = client_of("marketer")

    assert "Replace the write key of Web?" in text(client, page(web, "write_key"))
    web.refresh_from_db()
    assert web.write_key == "wk_old"
    client.post(page(web, "write_key"))

    web.refresh_from_db()
    assert web.write_key != "wk_old"
    assert AuditEntry.objects.get(action="source.write_key.replace").object_id == str(web.pk)


@pytest.mark.parametrize("role", ["analyst", "compliance"])
def test_who_may_only_look_changes_no_key_and_no_secret(role: str) -> None:
    web = source(write_key="wk_old")
    shop = Source.objects.create(slug="shop", name="Shop", kind="shopify")
    client = client_of(role)

    answers = [client.post(page(web, "write_key")), client.post(page(shop, "secret"))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Replace it" not in text(client, page(web))


def test_a_pasted_secret_is_set_and_never_shown() -> None:
    shop = source("shopify")
    client = client_of("marketer")

    shown = client.post(page(shop, "secret"), {"secret": "shpss_0123456789"}, follow=True)

    shop.refresh_from_db()
    assert secrets.both(shop) == ("shpss_0123456789",)
    assert "shpss_0123456789" not in shown.content.decode()
    assert AuditEntry.objects.get(action="source.secret.set").detail == {}


def test_a_made_secret_is_shown_once() -> None:
    hook = source("generic")
    client = client_of("marketer")

    answer = client.post(page(hook, "secret"), {"secret": ""})

    hook.refresh_from_db()
    (made,) = secrets.both(hook)
    assert made in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert made not in text(client, page(hook))


def test_a_secret_that_cannot_work_says_why() -> None:
    hook = source("generic")

    shown = client_of("admin").post(page(hook, "secret"), {"secret": "short"}, follow=True)

    assert "Standard Webhooks secret" in shown.content.decode()
    hook.refresh_from_db()
    assert hook.secrets is None


@pytest.mark.parametrize("kind", [kind for kind in Source.Kind.values if kind != "system"])
def test_every_kind_says_how_to_connect_it_with_its_own_names(kind: str) -> None:
    web = Source(slug="my-shop", name="Web", kind=kind, write_key="wk_1")

    found = snippets.of(web, public_url="https://attune.example:8443")

    assert found
    for each in found:
        assert "$" not in each.code
        assert each.title
        assert each.note
        assert kind != "collector" or "wk_1" in each.code
        assert kind in ("collector", "file") or "https://attune.example:8443/webhooks" in each.code
    if kind == "collector":
        by_key = {each.key: each.code for each in found}
        assert 'apiHost: "attune.example:8443/v1", protocol: "https"' in by_key["segment"]


def test_the_list_tells_silence_and_faults() -> None:
    now = timezone.now()
    source(stale_after_hours=2, last_event_at=now - timedelta(hours=30))
    caught()

    shown = text(client_of("analyst"), reverse("admin:personalization_source_changelist"))

    assert "Web: silent for 30 hours" in shown
    assert "Silent" in shown
    assert "1 event in 14 days" in shown


def test_a_page_takes_the_same_queries_for_few_and_many_faults() -> None:
    web = source(write_key="wk_1")
    caught()
    client = client_of("analyst")
    queries(client, page(web))
    before = queries(client, page(web))
    for number in range(12):
        caught(messageId=f"x-{number}")

    assert queries(client, page(web)) == before
    assert before < 20


def test_a_shops_page_says_why_its_deliveries_failed() -> None:
    shop = source("shopify", last_event_at=timezone.now())
    for number in range(3):
        WebhookDelivery.objects.create(
            source=shop, delivery_id=str(number), topic="products/create", state="failed",
            reason="currency: is missing", received_at=timezone.now(),
        )  # fmt: skip

    shown = text(client_of("analyst"), page(shop))

    assert "Web: 100 % of its deliveries failed" in shown
    assert "currency: is missing" in shown
    assert f"?source__id__exact={shop.pk}&amp;state__exact=failed" in shown


def test_a_payload_is_masked_for_who_may_not_see_it() -> None:
    row = caught()

    shown = text(client_of("marketer"), sheet(row))

    assert "anna@example.com" not in shown
    assert "customer-7" not in shown
    assert shown_json(shown)["properties"] == {"email": "a***", "total": 5}
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


def test_who_may_see_it_sees_it_in_clear_and_that_is_noted() -> None:
    row = caught()

    shown = text(client_of("compliance"), sheet(row))

    assert "anna@example.com" in shown
    assert AuditEntry.objects.get(action="personal_data.view").object_id == str(row.pk)
    assert "Mend and replay" not in shown


def test_a_masked_event_is_mended_and_keeps_what_was_masked() -> None:
    row = caught()
    client = client_of("marketer")
    written = {**shown_json(text(client, sheet(row))), "event": "Product Viewed"}

    shown = mend(client, row, json.dumps(written))

    assert "is mended" in shown
    row.refresh_from_db()
    assert row.quarantined_at is None
    clear = text_of_payload(row)
    assert '"external_id":"customer-7"' in clear
    assert '"email":"anna@example.com"' in clear


def text_of_payload(row: InboxEvent) -> str:
    return json.dumps(
        inbox.open_payload(row.payload, message_id=row.message_id), separators=(",", ":")
    )


def test_what_is_still_faulty_shows_what_was_written_and_why() -> None:
    row = caught()
    client = client_of("marketer")

    not_json = mend(client, row, "{,")
    still = mend(client, row, '{"type": "track", "event": "X"}')

    assert "This is not JSON" in not_json
    assert "{," in not_json
    assert "Still faulty: the event names nobody" in still
    row.refresh_from_db()
    assert row.quarantined_at is not None


@pytest.mark.parametrize("role", ["analyst", "compliance", "approver"])
def test_who_may_only_look_mends_and_discards_nothing(role: str) -> None:
    row = caught()
    client = client_of(role)
    url = reverse("admin:personalization_inboxevent_mend", args=[row.pk])

    assert client.post(url, {"written": "{}"}).status_code == 403
    client.post(QUARANTINE, {"action": "discard", "sure": "1", "_selected_action": row.pk})

    assert InboxEvent.objects.filter(pk=row.pk).exists()


def test_discarding_asks_first_and_says_how_many() -> None:
    rows = [caught(messageId=f"m-{number}") for number in range(3)]
    client = client_of("marketer")
    chosen = {"action": "discard", "_selected_action": [row.pk for row in rows[:2]]}

    asked = client.post(QUARANTINE, chosen).content.decode()
    assert "Discard 2 events for good?" in asked
    assert InboxEvent.objects.count() == 3
    client.post(QUARANTINE, {**chosen, "sure": "1"})

    assert [row.pk for row in InboxEvent.objects.all()] == [rows[2].pk]


def test_many_are_replayed_at_once() -> None:
    row = caught(event="Product Viewed")
    InboxEvent.objects.update(quarantined_at=timezone.now(), reason="for a test")
    caught(messageId="m-2")
    client = client_of("marketer")
    chosen = list(InboxEvent.objects.values_list("pk", flat=True))

    shown = client.post(
        QUARANTINE, {"action": "replay", "_selected_action": chosen}, follow=True
    ).content.decode()

    assert "1 put back" in shown
    assert "1 cannot be read as they are" in shown
    assert InboxEvent.objects.get(quarantined_at=None).pk == row.pk


def test_the_list_is_filtered_by_reason_source_and_age() -> None:
    old, new = caught(), caught(messageId="m-2", event="X", userId="")
    InboxEvent.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=8))
    client = client_of("marketer")

    def found(**query: str) -> list[int]:
        rows = client.get(QUARANTINE, query).context["cl"].result_list
        return [row.pk for row in rows]

    assert found() == [new.pk, old.pk]
    assert found(reason=new.reason) == [new.pk]
    assert found(age="7") == [old.pk]
    assert found(source__id__exact=str(old.source_id)) == [new.pk, old.pk]
    assert found(state="waiting") == []


def test_the_list_cuts_a_long_id_so_that_its_reason_can_be_read() -> None:
    long = caught(messageId="x" * 200)
    usual = caught(messageId="9b2f6a1c-8d3e-4f57-a1b2-c3d4e5f60718")
    client = client_of("marketer")

    shown = text(client, QUARANTINE)

    assert usual.message_id in shown
    assert f"{'x' * 35}…" in shown
    assert long.message_id not in shown
    assert long.message_id in text(client, sheet(long))


def test_what_is_not_in_quarantine_has_no_page() -> None:
    row = caught()
    InboxEvent.objects.update(quarantined_at=None)

    answer = client_of("marketer").get(sheet(row))

    assert (answer.status_code, answer["Location"]) == (302, QUARANTINE)
