"""The send-time API: one decision a message, the fallback for everybody else, in time."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from consent import identify, ledger
from consent.identify import Names
from consent.models import DataSubject
from personalization.content import blocks
from personalization.models import (
    ContentBlock,
    CustomerProfile,
    Exposure,
    Receipt,
    RuleSet,
    SendTimeSlot,
)
from personalization.recommendations import shelf
from personalization.replay import Outcome, replay
from personalization.rules import publish as rules
from personalization.serving import cards, ready, tokens
from tests.campaigns import factories as make
from tests.personalization.decision_support import SOURCE, get, key, people, reason, slot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served_afresh")]


DIVIDES_BY_0 = "{{ traits.order_count | divided_by: 0 }}"


def other_content(text: str) -> None:
    variants = [
        {"key": key, "name": key, "html": f"<p>{text}</p>", "text": text}
        for key in ("german", "general")
    ]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": variants, "fallback": "general"},
        now=timezone.now(),
    )
    ready.forget()


def test_a_rule_decides_and_says_why() -> None:
    people()
    slot()

    answer = get(external_id="C1", message="spring")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["block"], body["variant"], body["fallback"]) == ("hero", "german", False)
    assert (body["html"], body["text"]) == ("<p>Made in Germany</p>", "Made in Germany")
    assert body["content"] == {"title": "Made in Germany", "items": []}
    assert body["permission"] == {"may_send": True, "may_profile": True}
    assert body["reasons"] == [
        {
            "kind": "rule", "rule": "german", "ruleset": "hero", "version": 1,
            "text": 'Customers whose country is “DE”.',
        }
    ]  # fmt: skip
    assert answer["Cache-Control"].startswith("private, max-age=")
    assert answer["Vary"] == "Authorization, X-API-Key"
    assert "X-Personalization" not in answer


def test_one_decision_for_a_message_however_often_it_is_asked() -> None:
    anna, _ = people()
    slot()
    secret = key()
    first = get(secret=secret, external_id="C1", message="spring")
    other_content("New")
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={"country": "FR"})

    again = get(secret=secret, external_id="C1", message="spring")
    other = get(secret=secret, external_id="C1", message="summer")

    assert again.content == first.content
    assert again["ETag"] == first["ETag"]
    assert other.json()["text"] == "New"
    assert other.json()["decision_id"] != first.json()["decision_id"]
    assert Receipt.objects.count() == Exposure.objects.count() == 2


def test_products_come_out_of_the_receipt_in_the_same_bytes() -> None:
    people()
    for number in (1, 2):
        make.product(number)
    shelf.forget()
    slot(recommendation_count=2)
    secret = key()
    first = get(secret=secret, external_id="C1", message="spring")
    cards.forget()

    again = get(secret=secret, external_id="C1", message="spring")

    assert len(first.json()["content"]["items"]) == 2
    assert again.content == first.content


def test_without_the_database_the_fallback_is_said() -> None:
    people()
    slot()
    secret = key()
    get(secret=secret, external_id="C1")

    def refuse(*_: object) -> None:
        raise OperationalError("the connection failed: anna1@example.com")

    with connection.execute_wrapper(refuse):
        answer = get(secret=secret, external_id="C1")

    assert (answer.status_code, answer["X-Personalization"]) == (200, "fallback")
    assert (answer.json()["text"], reason(answer)) == ("The season", "unavailable")


def test_after_its_time_a_message_gets_a_new_decision() -> None:
    people()
    slot()
    secret = key()
    first = get(secret=secret, external_id="C1", message="spring").json()
    Exposure.objects.update(expires_at=timezone.now())
    other_content("New")

    second = get(secret=secret, external_id="C1", message="spring").json()

    assert (first["text"], second["text"]) == ("Made in Germany", "New")
    assert Exposure.objects.count() == 1
    assert Receipt.objects.count() == 2


def test_a_consent_that_is_taken_back_ends_a_decision_at_once() -> None:
    anna, _ = people()
    slot()
    secret = key()
    first = get(secret=secret, external_id="C1", message="spring").json()
    ledger.withdraw(anna, purpose="profiling", source="test", at=timezone.now())

    second = get(secret=secret, external_id="C1", message="spring").json()

    assert second["permission"] == {"may_send": True, "may_profile": False}
    assert second["decision_id"] != first["decision_id"]


def test_an_answer_is_explained_and_replayed_from_its_receipt() -> None:
    people()
    slot()

    body = get(external_id="C1", message="spring", explain="1").json()

    assert body["explain"]["rules"] == [
        {"rule": "german", "hit": True, "text": "Customers whose country is “DE”."}
    ]
    receipt = Receipt.objects.select_related("subject").get(message_key=body["decision_id"])
    assert replay(receipt).outcome is Outcome.EQUAL


@pytest.mark.parametrize(
    "given",
    [{"external_id": "nobody"}, {"anonymous_id": "none"}, {"token": "A" * 40}, {"token": "ü"}],
)
def test_an_unknown_person_gets_the_fallback(given: dict[str, str]) -> None:
    slot()
    secret = key()

    answer = get(secret=secret, **given, message="m")

    assert (answer.status_code, answer["X-Personalization"]) == (200, "fallback")
    assert (answer.json()["text"], reason(answer)) == ("The season", "unknown_person")
    assert answer.json()["permission"] == {"may_send": False, "may_profile": False}
    assert get(secret=secret, **given, message="m").content == answer.content
    assert get(secret=secret, **given, message="m", strict="1").status_code == 404
    assert not Receipt.objects.exists()


def test_an_unknown_slot_gets_the_default_slots_fallback() -> None:
    people()
    slot(is_default=True)

    answer = get("nonsense", external_id="C1")

    assert (answer.status_code, answer.json()["slot"]) == (200, "nonsense")
    assert (answer.json()["text"], reason(answer)) == ("The season", "unknown_slot")


def test_without_any_slot_the_answer_says_what_to_do() -> None:
    people()

    answer = get(external_id="C1")

    assert answer.status_code == 503
    assert "Send-time slots" in answer.json()["title"]


def test_an_erased_person_is_unknown() -> None:
    anna, _ = people()
    slot()
    secret = key()
    assert get(secret=secret, external_id="C1", message="m").json()["fallback"] is False

    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=timezone.now(), wrapped_key=None, email_index=None
    )

    assert reason(get(secret=secret, external_id="C1", message="m")) == "unknown_person"


def test_a_person_is_found_by_token_and_by_browser_without_an_address() -> None:
    slot()
    identify.resolve([Names(anonymous_id="browser-1")], source=SOURCE)
    subject = DataSubject.objects.get()
    CustomerProfile.objects.create(subject=subject, attributes={"country": "DE"})
    ledger.grant(subject, purpose="email_marketing", source="test", at=timezone.now())

    by_browser = get(anonymous_id="browser-1").json()
    by_token = get(token=tokens.sign(subject.pseudonym)).json()

    assert by_browser["variant"] == by_token["variant"] == "german"
    assert by_browser["permission"]["may_send"] is False


def test_customer_numbers_are_those_of_the_programs_source() -> None:
    people()
    slot()

    assert get(secret=key(source="other"), external_id="C1").json()["fallback"] is True
    assert (
        get(secret=key(source="other"), external_id="C1", source=SOURCE).json()["fallback"] is False
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"email": "anna1@example.com"}, "POST"),
        ({"external_id": "a", "anonymous_id": "b"}, "exactly one"),
        ({"message": "m"}, "exactly one"),
        ({"external_id": "x" * 201}, "200"),
        ({"external_id": "a\x00"}, "printable"),
        ({"external_id": "C1", "message": "m" * 121}, "120"),
        ({"external_id": "C1", "explain": "maybe"}, "1 or 0"),
        ({"external_id": "C1", "lat": "91"}, "-90 to 90"),
        ({"external_id": "C1", "lon": "east"}, "-180 to 180"),
        ({"external_id": "C1", "lat": "nan"}, "-90 to 90"),
        ({"external_id": "C1", "ip": "300.1.1.1"}, "203.0.113.7"),
    ],
)
def test_what_is_wrong_in_a_call_is_named(given: dict[str, str], says: str) -> None:
    slot()

    answer = get(**given)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert says in answer.json()["title"]
    assert "anna1" not in answer.content.decode()


def test_a_known_etag_is_answered_by_304() -> None:
    people()
    slot()
    secret = key()
    first = get(secret=secret, external_id="C1")

    again = get(secret=secret, external_id="C1", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"].startswith("private, max-age=")


def test_an_answer_stands_no_longer_than_the_rule_that_made_it() -> None:
    people()
    slot(ttl_seconds=3600)
    ends = timezone.now() + timedelta(seconds=90)
    live = RuleSet.objects.get(slug="hero").live
    assert live is not None
    content = dict(live.content)
    content["rules"][0]["active_until"] = ends.isoformat()
    rules.publisher.publish(RuleSet.objects.get(slug="hero"), content=content, now=timezone.now())

    body = get(external_id="C1").json()

    assert body["expires_at"] == ends.isoformat().replace("+00:00", "Z")


def test_content_that_fails_on_a_persons_data_becomes_the_fallback() -> None:
    people()
    slot()
    variants = [
        {"key": "german", "name": "G", "html": DIVIDES_BY_0, "text": "x"},
        {"key": "general", "name": "The season", "html": "<p>ok</p>", "text": "ok"},
    ]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": variants, "fallback": "general"},
        now=timezone.now(),
    )

    answer = get(external_id="C1")

    assert (answer.json()["text"], reason(answer)) == ("ok", "not_rendered")


def test_a_slot_whose_fallback_fails_is_not_served() -> None:
    people()
    slot(is_default=True)
    slot("footer", ruleset=RuleSet.objects.get(slug="hero"))
    other_content(DIVIDES_BY_0)

    answer = get("footer", external_id="C1")

    assert answer.status_code == 503
    assert "Send-time slots" in answer.json()["title"]


def test_a_slot_that_is_switched_off_is_unknown() -> None:
    people()
    slot(is_default=True)
    slot("footer")
    SendTimeSlot.objects.filter(slug="footer").update(is_active=False)

    assert reason(get("footer", external_id="C1")) == "unknown_slot"
