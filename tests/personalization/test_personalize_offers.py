"""Offers at send time: one code a message and person however often asked, never given twice."""

from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from personalization.content import blocks
from personalization.models import (
    ContentBlock,
    Exposure,
    Offer,
    OfferCode,
    OfferGrant,
    Receipt,
    RuleSet,
    SendTimeSlot,
)
from personalization.replay import Outcome, replay
from personalization.rules import publish as rules
from personalization.serving import ready
from tests.campaigns import factories as make
from tests.campaigns.sending_support import together
from tests.personalization.decision_support import get, key, post, slot
from tests.personalization.factories import client_of
from tests.personalization.offer_support import given, offer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served_afresh")]
EVERYBODY: dict[str, Any] = {"all": []}
racing = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def vouchers(*gives: str) -> RuleSet:
    """A rule for everybody for each offer, in this order; the fallback prints no code."""
    now = timezone.now()
    text = "[{{ offer.name }}|{{ offer.code }}]"
    variants = [
        {"key": each, "name": each.title(), "html": f"<p>{each}{text}</p>", "text": each + text}
        for each in (*gives, "none")
    ]
    block = ContentBlock.objects.create(slug="voucher", name="Voucher")
    content: dict[str, Any] = {"variants": variants, "fallback": "none"}
    blocks.publisher.publish(block, content=content, now=now)
    lines = [
        {
            "key": f"gives-{each}", "name": each, "priority": place, "condition": EVERYBODY,
            "outcome": {"block": "voucher", "variant": each, "offer": each},
        }
        for place, each in enumerate(gives, start=1)
    ]  # fmt: skip
    ruleset = RuleSet.objects.create(slug="vouchers", name="Vouchers")
    fallback = {"block": "voucher", "variant": "none"}
    content = {"hit_policy": "first", "rules": lines, "fallback": fallback}
    rules.publisher.publish(ruleset, content=content, now=now)
    return ruleset


def scene(*gives: str, people: int = 2, slots: tuple[str, ...] = ("hero",)) -> str:
    """Some people, the offers' slots, and a program's key."""
    now = timezone.now()
    for number in range(1, people + 1):
        make.person(number, at=now)
    ruleset = vouchers(*gives)
    for name in slots:
        slot(name, ruleset=ruleset)
    return key()


def pool(*codes: str, slug: str = "spring", **given: object) -> Offer:
    return offer(slug, kind=Offer.Kind.POOL, with_codes=codes, **given)


def asked(secret: str, *, who: str, message: str, slot: str = "hero") -> dict[str, Any]:
    body: dict[str, Any] = get(slot, secret=secret, external_id=who, message=message).json()
    return body


def publish(block: ContentBlock, content: dict[str, Any]) -> None:
    blocks.publisher.publish(block, content=content, now=timezone.now())
    ready.forget()


def test_a_message_reserves_a_code_and_keeps_it_however_often_it_is_asked() -> None:
    spring = pool("A1", "B2")
    secret = scene("spring")

    first = get(secret=secret, external_id="C1", message="m")
    again = get(secret=secret, external_id="C1", message="m")

    assert first.json()["text"] == "spring[Offer spring|A1]"
    assert first.json()["content"]["offer"] == {
        "slug": "spring", "name": "Offer spring", "code": "A1", "value": "10 %",
        "valid_from": "", "valid_until": "",
    }  # fmt: skip
    assert again.content == first.content
    assert given(spring) == 1


def test_a_code_stays_with_its_message_after_the_decision_has_ended() -> None:
    spring = pool("A1", "B2")
    secret = scene("spring")
    first = asked(secret, who="C1", message="m")
    Exposure.objects.update(expires_at=timezone.now())

    second = asked(secret, who="C1", message="m")

    assert first["decision_id"] != second["decision_id"]
    assert second["text"] == first["text"] == "spring[Offer spring|A1]"
    assert given(spring) == 1


def test_slots_of_one_message_share_its_code_and_other_messages_get_their_own() -> None:
    spring = pool("A1", "B2", "C3", per_person=2)
    secret = scene("spring", slots=("hero", "footer"))

    texts = [
        asked(secret, who="C1", message="m")["text"],
        asked(secret, who="C1", message="m", slot="footer")["text"],
        asked(secret, who="C1", message="other")["text"],
        asked(secret, who="C1", message="third")["text"],
    ]

    assert texts == [
        "spring[Offer spring|A1]", "spring[Offer spring|A1]", "spring[Offer spring|B2]", "none[|]",
    ]  # fmt: skip
    assert given(spring) == 2


def test_an_empty_pool_falls_back_and_says_why() -> None:
    pool()
    offer("small", kind=Offer.Kind.STATIC, code="SMALL", total=1)
    secret = scene("spring", "small")

    first, second = (asked(secret, who=who, message="m") for who in ("C1", "C2"))

    assert (first["text"], first["fallback"]) == ("small[Offer small|SMALL]", False)
    assert (second["text"], second["fallback"]) == ("none[|]", True)
    assert "offer" not in second["content"]
    assert [(each["kind"], each["code"]) for each in second["reasons"]] == [
        ("fallback", "no_rule"), ("offer_withheld", "no_code"), ("offer_withheld", "used_up"),
    ]  # fmt: skip
    assert second["reasons"][1]["text"] == "the offer could not be given: no code is left"


def test_without_a_message_no_offer_is_given() -> None:
    spring = pool("A1")
    secret = scene("spring")

    body = get(secret=secret, external_id="C1").json()

    assert (body["text"], body["reasons"][1]["code"]) == ("none[|]", "no_message")
    assert given(spring) == 0


def test_whoever_may_not_be_mailed_takes_no_code() -> None:
    spring = pool("A1")
    secret = scene("spring", people=0)
    make.person(1, at=timezone.now(), granted=())

    body = asked(secret, who="C1", message="m")

    assert (body["text"], body["reasons"][1]["code"]) == ("none[|]", "may_not_send")
    assert given(spring) == 0


def test_a_batch_gives_each_person_one_code_and_the_rest_the_next_rule() -> None:
    spring = pool("A1", "B2")
    secret = scene("spring", people=3)
    recipients = [{"external_id": f"C{number}"} for number in (1, 2, 3, 1)]

    body = post({"recipients": recipients, "slots": ["hero"], "message": "m"}, secret=secret).json()

    texts = [each["slots"]["hero"]["text"] for each in body["results"]]
    assert sorted(texts[:3]) == ["none[|]", "spring[Offer spring|A1]", "spring[Offer spring|B2]"]
    assert texts[3] == texts[0]
    assert given(spring) == 2


def test_an_answer_with_a_code_is_replayed_from_its_receipt() -> None:
    pool("ONLY-FOR-YOU")
    secret = scene("spring")
    ids = [asked(secret, who=who, message="m")["decision_id"] for who in ("C1", "C2")]

    found = [
        replay(Receipt.objects.select_related("subject").get(message_key=each)).outcome
        for each in ids
    ]

    assert found == [Outcome.EQUAL, Outcome.EQUAL]
    assert all("ONLY-FOR-YOU" not in str(each.decision) for each in Receipt.objects.all())


def test_content_that_fails_gives_no_second_code_at_the_next_try() -> None:
    spring = pool("A1", "B2")
    secret = scene("spring")
    block = ContentBlock.objects.get(slug="voucher")
    assert block.live is not None
    whole = block.live.content
    gift, fallback = whole["variants"]
    broken = [{**gift, "html": "{{ traits.order_count | divided_by: 0 }}"}, fallback]
    publish(block, {**whole, "variants": broken})
    first = asked(secret, who="C1", message="m")
    publish(block, whole)

    second = asked(secret, who="C1", message="m")

    assert first["reasons"][0]["code"] == "not_rendered"
    assert second["text"] == "spring[Offer spring|A1]"
    assert given(spring) == 1


@racing
def test_requests_at_the_same_moment_for_one_message_get_one_code(settings: Any) -> None:
    settings.ATTUNE_DECIDE_SECONDS = 60
    spring = pool(*(f"CODE{number}" for number in range(20)))
    secret = scene("spring")
    ask = partial(asked, secret, who="C1", message="m")

    answers = together(*[ask] * 8)

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["text"].startswith("spring[Offer spring|CODE")
    assert given(spring) == 1
    assert Exposure.objects.count() == Receipt.objects.count() == 1


@racing
def test_messages_to_one_person_at_the_same_moment_never_give_more_than_one_may_have(
    settings: Any,
) -> None:
    settings.ATTUNE_DECIDE_SECONDS = 60
    spring = pool(*(f"CODE{number}" for number in range(20)), per_person=2)
    secret = scene("spring", people=1)
    asks = [partial(asked, secret, who="C1", message=f"m{number}") for number in range(8)]

    answers = together(*asks)

    assert sorted(answer["fallback"] for answer in answers) == [False] * 2 + [True] * 6
    late = [answer for answer in answers if answer["fallback"]]
    assert {answer["reasons"][1]["code"] for answer in late} == {"had_enough"}
    assert given(spring) == 2


@racing
def test_people_who_compete_for_the_last_codes_never_share_one(settings: Any) -> None:
    settings.ATTUNE_DECIDE_SECONDS = 60
    spring = pool("A1", "B2", "C3")
    secret = scene("spring", people=8)
    asks = [partial(asked, secret, who=f"C{number}", message="m") for number in range(1, 9)]

    answers = together(*asks)

    texts = sorted(answer["text"] for answer in answers)
    assert texts == ["none[|]"] * 5 + [
        f"spring[Offer spring|{code}]" for code in ("A1", "B2", "C3")
    ]
    late = [answer for answer in answers if answer["fallback"]]
    assert {answer["reasons"][1]["code"] for answer in late} == {"no_code"}
    assert given(spring) == OfferCode.objects.filter(is_given=True).count() == 3
    assert OfferGrant.objects.values("subject").distinct().count() == 3


@pytest.mark.usefixtures("roles")
def test_the_slots_page_shows_that_a_pool_is_empty() -> None:
    pool("A1")
    pool(slug="summer")
    scene("spring", "summer", people=0)
    row = SendTimeSlot.objects.get()

    page = client_of("admin").get(f"/admin/personalization/sendtimeslot/{row.pk}/change/")

    assert "Offer spring: 1 code left" in page.content.decode()
    assert "Offer summer: 0 codes left" in page.content.decode()
