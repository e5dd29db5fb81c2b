"""Whoever reads another language gets its text, in mails and at send time; the receipt says why."""

from typing import Any

import pytest
from django.utils import timezone

from campaigns.models import Campaign, Send, Template
from campaigns.rendering import publish as templates
from campaigns.sending import story
from campaigns.sending.replay import replay_mail
from consent import ledger
from consent.models import DataSubject
from personalization.content import blocks
from personalization.models import ContentBlock, CustomerProfile, Receipt
from personalization.replay import Outcome
from personalization.segments import membership
from personalization.serving import ready
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, MemoryBackend
from tests.personalization.decision_support import get, key, people, slot
from tests.personalization.factories import segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served_afresh")]


def in_languages(*tags: str, version: int = 1) -> None:
    """Put a version of the hero live whose variants say their key and the language."""
    variants = [
        {
            "key": name, "name": name, "html": f"<p>{name} en {version}</p>",
            "text": f"{name} en {version}",
            "languages": [
                {"language": tag, "html": f"<p>{name} {tag}</p>", "text": f"{name} {tag} {version}"}
                for tag in tags
            ],
        }
        for name in ("german", "general")
    ]  # fmt: skip
    content = {"language": "en", "variants": variants, "fallback": "general"}
    block = ContentBlock.objects.get(slug="hero")
    blocks.publisher.publish(block, content=content, now=timezone.now())
    ready.forget()


def speaks(subject: DataSubject, language: str) -> None:
    found = CustomerProfile.objects.get(pk=subject.pk)
    found.attributes["language"] = language
    found.save(update_fields=["attributes"])


def sent(*spoken: str) -> list[Send]:
    """A campaign to people who speak these languages, "" where it is not known."""
    for subject, language in zip(make.people(len(spoken)), spoken, strict=True):
        if language:
            speaks(subject, language)
    campaign = make.campaign()
    in_languages("es", "de")
    make.launched(campaign, backend=MemoryBackend())
    return list(Send.objects.order_by("subject_id"))


def told(send: Send) -> dict[str, Any]:
    hero: dict[str, Any] = Receipt.objects.get(message_key=send.message_key).decision["slots"][
        "hero"
    ]
    return hero


def test_each_mail_is_written_in_its_readers_language_and_the_receipt_says_why() -> None:
    sends = sent("es", "de-AT", "sv", "")

    assert [(told(send)["language"], told(send)["language_why"]) for send in sends] == [
        ("es", "own"), ("de", "wider"), ("en", "other"), ("en", "unknown"),
    ]  # fmt: skip
    because = story.tell(sends[1]).because
    assert because is not None
    assert because.slots[0].language == "in German, the customer's language, without its region"


def test_mails_come_out_the_same_when_the_texts_and_the_reader_have_changed() -> None:
    sends = sent("es", "de-AT", "sv", "")
    in_languages("fr", version=2)
    CustomerProfile.objects.update(attributes={"language": "fr"})

    found = [
        replay_mail(Receipt.objects.select_related("subject").get(message_key=send.message_key))
        for send in sends
    ]

    assert [each.outcome for each in found] == [Outcome.EQUAL] * 4


def test_another_recorded_language_is_reported() -> None:
    (send,) = sent("es")
    receipt = Receipt.objects.select_related("subject").get(message_key=send.message_key)
    receipt.decision["slots"]["hero"]["language"] = "de"

    found = replay_mail(receipt)

    assert found.outcome is Outcome.DIFFERENT
    assert [each.place for each in found.differences] == ["slots.hero.language"]


def test_a_subject_can_follow_the_readers_language() -> None:
    speaks(make.people(2)[0], "es-MX")
    make.campaign()
    subject = "{% if customer.language == 'es' %}Hola{% else %}Hello{% endif %}"
    content = {**make.TEMPLATE, "subject": subject}
    templates.publisher.publish(Template.objects.get(), content=content, now=NOON)
    backend = MemoryBackend()

    make.launched(Campaign.objects.get(), backend=backend)

    subjects = {each.recipient: b"Subject: Hola" in each.content for each in backend.outbox}
    assert subjects == {"anna1@example.com": True, "anna2@example.com": False}


def test_an_answer_at_send_time_names_its_language_and_why() -> None:
    anna, _ = people()
    speaks(anna, "de-AT")
    slot()
    in_languages("de")
    secret = key()

    body = get(secret=secret, external_id="C1", message="m", explain="1").json()
    again = get(secret=secret, external_id="C1", message="m", explain="1").json()
    other = get(secret=secret, external_id="nobody").json()

    assert (body["language"], body["text"], again) == ("de", "german de 1", body)
    assert body["explain"]["language"] == {
        "chosen": "de", "code": "wider", "text": "the customer's language, without its region",
    }  # fmt: skip
    assert (other["language"], other["text"]) == ("en", "general en 1")


def test_without_the_consent_that_the_field_needs_the_default_is_shown() -> None:
    anna, _ = people()
    speaks(anna, "de")
    slot()
    in_languages("de")
    ledger.withdraw(anna, purpose="email_marketing", source="test", at=timezone.now())

    body = get(external_id="C1", explain="1").json()

    assert (body["language"], body["text"]) == ("en", "general en 1")
    assert body["explain"]["language"]["code"] == "unknown"


def test_a_segment_by_language_is_like_any_other() -> None:
    anna, ben = make.people(2)
    speaks(anna, "es")
    speaks(ben, "de-AT")
    spanish = segment("spanish", tree={"field": "attributes.language", "op": "eq", "value": "es"})
    german = segment(
        "german", tree={"field": "attributes.language", "op": "starts_with", "value": "de"}
    )

    for each in (spanish, german):
        membership.rebuild(each, now=NOON)

    assert list(spanish.memberships.values_list("profile_id", flat=True)) == [anna.pk]
    assert list(german.memberships.values_list("profile_id", flat=True)) == [ben.pk]
