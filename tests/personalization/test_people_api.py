"""Profiles, consents and privacy requests over the API: who may see and say what."""

from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from consent import gate, identify, ledger
from consent.identify import Names
from consent.models import AuditEntry, ConsentRecord, DataSubject, PrivacyRequest
from personalization.models import CustomerProfile
from personalization.serving import tokens
from tests.campaigns import factories as make
from tests.personalization.decision_support import SOURCE, key

pytestmark = pytest.mark.django_db
AT = "2026-03-01T10:00:00Z"


def get(url: str, *scopes: str, **given: str) -> Any:
    return Client().get(f"/api/v1/{url}", given, headers={"X-API-Key": key(*scopes)})


def post(url: str, body: object, *scopes: str) -> Any:
    return Client().post(
        f"/api/v1/{url}",
        body if isinstance(body, bytes) else orjson.dumps(body),
        content_type="application/json",
        headers={"X-API-Key": key(*(scopes or ("privacy:write",)))},
    )


def said(action: str = "granted", **given: object) -> dict[str, object]:
    return {"purpose": "email_marketing", "action": action, "source": "till", "at": AT, **given}


def may_send(anna: DataSubject) -> bool:
    return gate.ask(anna, purpose="email_marketing", at=timezone.now()).may_send


def test_a_program_that_decides_sees_a_masked_profile_with_a_token() -> None:
    anna = make.person(1)

    answer = get("profiles/C1/")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["external_id"], body["name"], body["is_masked"]) == ("C1", "A*** B***", True)
    assert body["email"] == "a***@e***.com"
    assert body["token"] == tokens.sign(anna.pseudonym)
    assert body["attributes"]["country"] == "DE"
    assert body["permission"] == {"may_send": True, "may_profile": True, "reason": ""}
    assert "Anna" not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


def test_a_number_may_hold_a_slash() -> None:
    [pk] = identify.resolve([Names(external_id="A/1")], source=make.SOURCE).subject_ids
    CustomerProfile.objects.create(subject_id=pk or 0, attributes={"country": "DE"})

    for address in ("profiles/A/1/", "profiles/A%2F1", "profiles/A%2F1/"):
        assert get(address).json()["external_id"] == "A/1"


def test_a_privacy_program_sees_names_and_the_look_is_noted() -> None:
    anna = make.person(1)

    body = get("profiles/C1", "privacy:read").json()

    assert (body["name"], body["email"]) == ("Anna Berg", "anna1@example.com")
    assert body["is_masked"] is False
    [entry] = AuditEntry.objects.filter(action="personal_data.view")
    assert entry.pseudonym == anna.pseudonym
    assert entry.detail["caller"].startswith("api_key:")


def test_what_a_person_did_not_allow_is_not_in_the_profile() -> None:
    make.person(1, granted=())

    body = get("profiles/C1/").json()

    assert body["permission"] == {
        "may_send": False, "may_profile": False, "reason": "no_consent",
    }  # fmt: skip
    assert "country" not in body["attributes"]


def test_an_unknown_or_erased_person_is_404() -> None:
    anna = make.person(1)
    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=timezone.now(), wrapped_key=None, email_index=None
    )

    for answer in (
        get("profiles/C1/"),
        get("profiles/none/"),
        get("consents/", "privacy:read", external_id="none"),
        post("consents/", {"external_id": "none", "consents": [said()]}),
        get("privacy-requests/1/", "privacy:read"),
        get(f"privacy-requests/{10**30}/", "privacy:read"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_consent_is_recorded_once_with_its_caller_and_read_again() -> None:
    anna = make.person(1, granted=())
    body = {"external_id": "C1", "consents": [said()]}

    first, second = post("consents/", body), post("consents/", body)

    assert (first.status_code, first.json()["recorded"]) == (201, 1)
    assert second.json()["recorded"] == 0
    assert may_send(anna)
    record = ConsentRecord.objects.get()
    assert (record.source, record.is_own_choice) == ("till", False)
    assert record.evidence["caller"].startswith("api_key:")
    read = get("consents/", "privacy:read", external_id="C1").json()["consents"]
    [marketing] = [each for each in read if each["purpose"] == "email_marketing"]
    assert (marketing["is_granted"], marketing["since"]) == (True, AT)
    assert [each["action"] for each in marketing["statements"]] == ["granted"]


def test_a_programs_word_lifts_no_objection() -> None:
    anna = make.person(1, granted=())
    ledger.object_to(anna, purpose="email_marketing", source="phone", at=make.NOON)

    answer = post("consents/", {"external_id": "C1", "consents": [said(at="2026-06-01T10:00:00Z")]})

    assert answer.status_code == 201
    [marketing] = [
        each for each in answer.json()["consents"] if each["purpose"] == "email_marketing"
    ]
    assert (marketing["is_granted"], marketing["is_objection"]) == (False, True)
    assert not may_send(anna)


def test_an_address_is_taken_by_post_only() -> None:
    make.person(1, granted=())

    by_post = post("consents/", {"email": "Anna1@example.com", "consents": [said("refused")]})
    by_get = get("consents/", "privacy:read", email="anna1@example.com")

    assert by_post.status_code == 201
    assert by_get.status_code == 400
    assert "POST" in by_get.json()["title"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "object"),
        ({"consents": [said()]}, "exactly one"),
        ({"external_id": "C1"}, "list of 1 to 50"),
        ({"external_id": "C1", "consents": []}, "list of 1 to 50"),
        ({"external_id": "C1", "consents": [said(purpose="x")]}, "consents[0].purpose"),
        ({"external_id": "C1", "consents": [said("maybe")]}, "consents[0].action"),
        ({"external_id": "C1", "consents": [said(at=None)]}, "consents[0].at"),
        ({"external_id": "C1", "consents": [said(at="yesterday")]}, "consents[0].at"),
        ({"external_id": "C1", "consents": [said(), said(proof=1)]}, "consents[1].proof"),
        ({"external_id": "C1", "consents": [3]}, "consents[0]"),
        ({"external_id": "C1", "consent": [said()]}, "Unknown: 'consent'"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_recorded(body: object, says: str) -> None:
    make.person(1, granted=())

    answer = post("consents/", body)

    assert answer.status_code == 400
    assert says in answer.json()["title"]
    assert not ConsentRecord.objects.exists()


def test_a_privacy_request_is_taken_in_once_and_can_be_looked_at() -> None:
    anna = make.person(1)
    body = {"external_id": "C1", "kind": "erasure", "reference": "ticket-17"}

    first = post("privacy-requests/", body)
    again = post("privacy-requests/", body)

    told = first.json()
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == told
    assert (told["state"], told["is_known"], told["source"]) == ("received", True, f"api:{SOURCE}")
    assert told["due_at"] > told["received_at"]
    row = PrivacyRequest.objects.get()
    assert row.subject == anna
    assert get(f"privacy-requests/{row.pk}/", "privacy:read").json() == told
    assert AuditEntry.objects.filter(action="privacy_request.receive").count() == 1


def test_a_reference_of_another_persons_request_is_a_conflict() -> None:
    make.person(1)
    make.person(2, first_name="Ben")
    body = {"kind": "export", "reference": "ticket-17"}
    post("privacy-requests/", {**body, "external_id": "C1"})

    answer = post("privacy-requests/", {**body, "external_id": "C2"})

    assert (answer.status_code, PrivacyRequest.objects.count()) == (409, 1)


def test_a_request_of_whom_nobody_knows_is_noted_too() -> None:
    answer = post("privacy-requests/", {"email": "new@example.com", "kind": "export"})

    assert (answer.status_code, answer.json()["is_known"]) == (201, False)
    assert answer.json()["note"] == "names nobody we know"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"external_id": "C1"}, "kind"),
        ({"external_id": "C1", "kind": "shop_erasure"}, "kind"),
        ({"external_id": "C1", "kind": ["export"]}, "kind"),
        ({"kind": "export"}, "exactly one"),
        ({"external_id": "C1", "kind": "export", "reference": "x" * 201}, "reference"),
        ({"external_id": "C1", "kind": "export", "why": "x"}, "Unknown"),
    ],
)
def test_a_request_that_is_wrong_is_not_noted(body: object, says: str) -> None:
    answer = post("privacy-requests/", body)

    assert answer.status_code == 400
    assert says in answer.json()["title"]
    assert not PrivacyRequest.objects.exists()
