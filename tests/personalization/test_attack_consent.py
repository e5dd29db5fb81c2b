"""Attacks on consent and on least data: what may not be kept, and values where names belong."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent import ledger
from consent.models import ConsentState, DataSubject, Identifier, Purpose
from personalization.ingest import masking, replay
from personalization.models import (
    CustomerProfile,
    Event,
    Field,
    InboxEvent,
    SeenProperty,
    Source,
    SourceDay,
)
from tests.consent.people import NOON, subject
from tests.personalization.collector_support import post, quarantined, source, track, waiting
from tests.personalization.factories import client_of
from tests.personalization.ground import apply_all

pytestmark = pytest.mark.django_db
ANNA = "anna@example.com"
NO_TIME = {"timestamp": "yesterday"}


@pytest.fixture(autouse=True)
def website() -> Source:
    return source(mapping={"consent": {"C2": ["profiling"]}})


def say(**preferences: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": preferences}}


def send(*batch: dict[str, Any], **headers: str) -> None:
    assert post("/v1/batch", {"batch": list(batch)}, **headers).status_code == 200
    apply_all(now=timezone.now())


def visitor(message_id: str, **given: Any) -> dict[str, Any]:
    event = {**track(message_id, anonymousId="anon-1"), **given}
    del event["userId"]
    return event


def allowed_profiling() -> DataSubject:
    anna = subject("", external_id="C-1", source="website")
    ledger.grant(anna, purpose="profiling", source="test", at=NOON)
    return anna


def mend_all(**changes: object) -> None:
    for row in InboxEvent.objects.exclude(quarantined_at=None):
        written = replay.message_of(row)
        assert isinstance(written, dict)
        actor = User.objects.get_or_create(username="mender")[0]
        replay.mend(row.pk, written={**written, **changes}, actor=actor)
    apply_all(now=timezone.now())


@pytest.mark.parametrize("allows", [{"necessary": True}, {"contract": True}, {"functional": True}])
def test_what_nobody_asks_for_makes_a_visitor_nobody(allows: dict[str, bool]) -> None:
    send(visitor("m1", context=say(**allows, profiling=False)))

    assert not DataSubject.objects.exists()
    assert not Identifier.objects.exists()


def test_a_privacy_signal_in_a_header_holds_after_an_event_was_mended() -> None:
    allowed_profiling()

    send(track(**NO_TIME), **{"Sec-GPC": "1"})
    mend_all(timestamp="2026-11-23T10:00:00Z")

    assert not Event.objects.exists()
    assert not ConsentState.objects.get(purpose="profiling").is_granted


def test_a_refused_category_of_the_banner_holds_after_an_event_was_mended() -> None:
    allowed_profiling()

    send(track(context=say(C2=False), **NO_TIME))
    mend_all(timestamp="2026-11-23T10:00:00Z")

    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({"context": {**say(profiling=False), "page": {"path": "/secret"}}}, {}),
        ({"context": {**say(C2=False), "ip": "203.0.113.9", "traits": {"x": "secret"}}}, {}),
        ({"traits": {"x": "secret"}}, {"Sec-GPC": "1"}),
        ({"type": "page", "name": "secret", "event": None, "context": {"gpc": True}}, {}),
    ],
)
def test_a_faulty_event_that_refuses_itself_waits_without_what_it_told(
    given: dict[str, Any], headers: dict[str, str]
) -> None:
    send(track(properties={"x": "secret"}, **{**NO_TIME, **given}), **headers)

    (row,) = InboxEvent.objects.exclude(quarantined_at=None)
    kept = json.dumps(replay.message_of(row))
    assert "secret" not in kept
    assert "203.0.113" not in kept
    assert '"C-1"' in kept
    mend_all(timestamp="2026-11-23T10:00:00Z")
    assert not Event.objects.exists()
    assert SourceDay.objects.get(outcome="refused").count == 1


def test_a_faulty_order_of_who_refuses_profiling_keeps_what_it_told() -> None:
    order = {"order_id": "O-1", "total": 25}

    send(track(event="order_completed", properties=order, context=say(profiling=False), **NO_TIME))
    mend_all(timestamp="2026-11-23T10:00:00Z")

    assert Event.objects.get().amount == 25


def test_an_event_is_mended_without_saying_again_what_its_path_said() -> None:
    event = {"event": "Order Completed", "userId": "C-1", "messageId": "m1", **NO_TIME}
    assert post("/v1/track", event).json()["quarantined"] == 1

    mend_all(timestamp="2026-11-23T10:00:00Z")

    assert Event.objects.get().name == "Order Completed"


def test_what_was_withdrawn_while_an_event_waited_in_quarantine_is_not_kept() -> None:
    anna = allowed_profiling()
    send(track(**NO_TIME))

    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)
    mend_all(timestamp="2026-11-23T10:00:00Z")

    assert not Event.objects.exists()


def test_a_field_called_as_its_purpose_is_sensitive_all_the_same() -> None:
    Purpose.objects.create(code="health", name="Health", is_explicit=True, retention_days=30)
    Field.objects.create(
        kind="attributes", name="health", label="Health", type="text",
        purpose_id="health", is_sensitive=True,
    )  # fmt: skip

    send({"type": "identify", "userId": "C-1", "messageId": "m1", "traits": {"health": "asthma"}})

    assert "asthma" not in json.dumps(list(CustomerProfile.objects.values("attributes")))
    assert not CustomerProfile.objects.exclude(attributes={}).exists()
    assert not SeenProperty.objects.get(name="health").is_kept


def test_a_sealed_field_that_is_sensitive_needs_its_consent_as_well() -> None:
    Purpose.objects.create(code="care", name="Care", is_explicit=True, retention_days=30)
    Field.objects.create(
        kind="attributes", name="blood_group", label="Blood group", type="text",
        purpose_id="care", is_sensitive=True, is_personal=True,
    )  # fmt: skip

    send({"type": "identify", "userId": "C-1", "messageId": "m1", "traits": {"bloodGroup": "0"}})

    assert not SeenProperty.objects.get(name="bloodGroup").is_kept


def test_nobody_refuses_the_contract_of_an_order() -> None:
    order = {"order_id": "O-1", "total": 25}

    send(track(event="Order Completed", properties=order, context=say(contract=False)))

    assert Event.objects.get().amount == 25


def test_a_forged_yes_lifts_no_unsubscribing() -> None:
    anna = subject("", external_id="C-1", source="website")
    ledger.withdraw(anna, purpose="email_marketing", source="unsubscribe", at=NOON)

    send(track(context=say(email_marketing=True)))

    assert not ConsentState.objects.get(purpose="email_marketing").is_granted


def test_addresses_and_numbers_in_place_of_names_are_not_noted() -> None:
    allowed_profiling()
    properties = {ANNA: 1, "anna%40example.com": 1, "+49 151 2345678": 1, "size_2": "L"}

    send(track(properties=properties))

    assert list(SeenProperty.objects.values_list("name", flat=True)) == ["size_2"]


@pytest.mark.parametrize("name", [f"Newsletter {ANNA}", "anna%40example.com signed up"])
def test_an_event_called_by_an_address_is_set_apart_and_says_so_without_it(name: str) -> None:
    allowed_profiling()

    send(track(event=name))

    assert not Event.objects.exists()
    assert "holds an address" in quarantined()[0]
    assert "example.com" not in json.dumps(list(SourceDay.objects.values("detail")))
    assert "example.com" not in quarantined()[0]


def test_no_value_is_counted_as_a_reason_however_it_is_quoted() -> None:
    secret = 'it\'s "Anna" 0151 2345678'
    for number in range(3):
        send(
            track(f"a{number}", type=secret),
            track(f"b{number}", properties={"total": secret}),
            track(f"c{number}", properties={"x" * 40_000: 1, "n": "y" * number}),
            track(f"d{number}", properties={str(n): 1 for n in range(201 + number)}),
            track(f"e{number}", properties={"products": [{}] * number + [{"quantity": -1}]}),
        )

    details = set(SourceDay.objects.filter(outcome="quarantined").values_list("detail", flat=True))
    assert not [each for each in details if "Anna" in each or "0151" in each]
    assert len(details) == 5


def test_names_that_are_addresses_and_what_is_said_of_a_person_are_masked() -> None:
    real: dict[str, Any] = {
        "traits": {"illness": "asthma"},
        "properties": {ANNA: 1, "albert@example.com": 2},
    }

    shown = masking.masked(real)
    written = {**shown, "event": "x"} if isinstance(shown, dict) else {}

    assert "example.com" not in json.dumps(shown)
    assert "asthma" not in json.dumps(shown)
    assert masking.restored(shown, shown=shown, real=real) == real
    changed = {**written, "properties": {**written["properties"], "total": 5}}
    assert masking.restored(changed, shown=shown, real=real) == {
        **real, "event": "x", "properties": {**real["properties"], "total": 5}
    }  # fmt: skip


@pytest.mark.parametrize(
    "written",
    ['{"type": "track", "userId": 99999999999999999999}', '{"event": "\\ud800"}',
     "[" * 900 + "]" * 900, "[" * 100_000, "9" * 5_000, '{"a": NaN}', "null", '"x"'],
)  # fmt: skip
@pytest.mark.usefixtures("roles")
def test_whatever_is_written_to_mend_an_event_gets_a_page(written: str) -> None:
    send(track(**NO_TIME))
    row = InboxEvent.objects.get()
    url = reverse("admin:personalization_inboxevent_mend", args=[row.pk])

    for role in ("marketer", "admin"):
        answer = client_of(role).post(url, {"written": written})
        assert answer.status_code == 200
    row.refresh_from_db()
    assert row.quarantined_at is not None


def test_no_table_of_the_ingestion_holds_a_whole_network_address() -> None:
    allowed_profiling()
    context = {**say(profiling=True), "ip": "203.0.113.77"}
    headers = {"Origin": "https://shop.example", "X-Forwarded-For": "203.0.113.77"}

    send(track("m1", context=context), track("m2", **NO_TIME, context=context), **headers)
    Client().get(
        "/pixel.gif?key=sdk-recording-key&event=x&userId=C-1", headers={"User-Agent": "x"},
        REMOTE_ADDR="203.0.113.77",
    )  # fmt: skip
    apply_all(now=timezone.now())

    assert Event.objects.filter(context__network="203.0.113.0/24").exists()
    assert not waiting()
    with connection.cursor() as cursor:
        for model in (Event, SourceDay, SeenProperty):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {model._meta.db_table} t")
            assert "113.77" not in str(cursor.fetchone()[0])
    row = InboxEvent.objects.exclude(quarantined_at=None).get()
    assert "113.77" not in json.dumps(replay.message_of(row))
