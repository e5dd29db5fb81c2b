"""Offers in the send path: reserved with the mail, back with a mail that fails, never by a look."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.delivery.base import Delivery, Envelope, Outcome
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, offering, pipeline, preview, story
from campaigns.sending.lifecycle import NotReady
from campaigns.sending.replay import replay_mail
from consent import ledger
from personalization import replay
from personalization.content import blocks
from personalization.models import (
    ContentBlock,
    Offer,
    OfferCode,
    OfferGrant,
    Receipt,
    RuleSet,
)
from personalization.rules import publish as rules
from personalization.segments import membership
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import State, end_waiting, states, together
from tests.personalization.offer_support import given, offer

pytestmark = pytest.mark.django_db
EVERYBODY: dict[str, Any] = {"all": []}
LATER = NOON + timedelta(hours=2)


def rule(key: str, *, gives: str = "", place: int = 1, value: float = 0) -> dict[str, Any]:
    outcome = {"block": "voucher", "variant": key, "value": value}
    return {
        "key": key, "name": key.title(), "priority": place, "condition": EVERYBODY,
        "outcome": outcome | ({"offer": gives} if gives else {}),
    }  # fmt: skip


def campaign(*lines: dict[str, Any], policy: str = "first", slug: str = "spring") -> Campaign:
    """A campaign whose hero prints the offer of its rule; the fallback says so."""
    made = make.campaign(slug=slug)
    ruleset = RuleSet.objects.filter(slug="vouchers").first()
    if ruleset is None:
        keys = [*(line["key"] for line in lines), "none"]
        variants = [
            {"key": key, "name": key, "html": f"<p>{text}</p>", "text": text}
            for key in keys
            for text in [key + "[{{ offer.name }}|{{ offer.code }}|{{ offer.value }}]"]
        ]
        block = ContentBlock.objects.create(slug="voucher", name="Voucher")
        content: dict[str, Any] = {"variants": variants, "fallback": "none"}
        blocks.publisher.publish(block, content=content, now=NOON)
        ruleset = RuleSet.objects.create(slug="vouchers", name="Vouchers")
        fallback = {"block": "voucher", "variant": "none"}
        content = {"hit_policy": policy, "rules": list(lines), "fallback": fallback}
        rules.publisher.publish(ruleset, content=content, now=NOON)
    made.slots.update(ruleset=RuleSet.objects.get(slug="vouchers"))
    return made


def text(backend: MemoryBackend) -> dict[str, str]:
    """What stands in the mail of each address."""
    shown = {}
    for envelope in backend.outbox:
        content = envelope.content.decode()
        start = content.index("Hello Anna") + len("Hello Anna\n")
        shown[envelope.recipient] = content[start : content.index("]", start) + 1].strip()
    return shown


class Unwilling(MemoryBackend):
    """Answers each mail as told, once; afterwards it takes everything."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome: Outcome | None = outcome

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        if self.outcome is None:
            return super().deliver(envelopes)
        answers = [Delivery(each.message_key, self.outcome, "told so") for each in envelopes]
        self.outcome = None
        return answers


def test_each_mail_shows_a_code_of_its_own_and_who_comes_too_late_the_fallback() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=("A1", "B2"))
    make.people(3)
    backend = MemoryBackend()

    make.launched(campaign(rule("code", gives="spring")), backend=backend)

    assert sorted(text(backend).values()) == [
        "code[Offer spring|A1|10 %]", "code[Offer spring|B2|10 %]", "none[||]",
    ]  # fmt: skip
    assert set(Send.objects.values_list("message_key", flat=True)) >= set(
        OfferGrant.objects.values_list("message_key", flat=True)
    )


def test_the_next_rule_decides_and_the_receipt_says_why() -> None:
    offer("big", total=1)
    offer("small", kind=Offer.Kind.STATIC, code="SMALL")
    make.people(2)
    backend = MemoryBackend()

    make.launched(
        campaign(rule("first", gives="big"), rule("second", gives="small", place=2)),
        backend=backend,
    )

    assert sorted(text(backend).values()) == [
        "first[Offer big||10 %]", "second[Offer small|SMALL|10 %]",
    ]  # fmt: skip
    late = Send.objects.get(message_key=OfferGrant.objects.get(offer__slug="small").message_key)
    told = story.tell(late)
    assert told.because is not None
    (slot,) = told.because.slots
    assert (slot.chosen, slot.offer) == ("Second", "Offer small")
    first, second = slot.rules
    assert (first.is_hit, first.is_chosen, second.is_chosen) == (True, False, True)
    assert "“Offer big” could not be given: it was given to all people together" in first.withheld
    assert told.receipt is not None
    inputs = story.inputs(told.receipt) or []
    assert ("Offer “Offer small”", "SMALL") in [(each.label, each.value) for each in inputs]


@pytest.mark.parametrize("policy", ["first", "collect", "highest_value"])
def test_mails_with_offers_are_written_again_from_their_receipts(policy: str) -> None:
    offer("big", kind=Offer.Kind.POOL, with_codes=("A1", "B2"))
    offer("small", kind=Offer.Kind.STATIC, code="SMALL", per_person=1, total=4)
    make.people(6)
    lines = (rule("low", gives="big", value=2), rule("high", gives="small", value=1, place=2))
    make.launched(campaign(*lines, policy=policy))
    OfferGrant.objects.all().delete()
    OfferCode.objects.all().delete()
    Offer.objects.update(name="Another", value=99, is_active=False)

    receipts = list(Receipt.objects.select_related("subject"))

    assert len(receipts) == 6
    assert any("withheld" in each.decision["slots"]["hero"] for each in receipts)
    assert {replay_mail(each).outcome for each in receipts} == {replay.Outcome.EQUAL}


def test_a_code_stands_in_no_receipt_in_clear() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=("SECRET-1",))
    make.people(1)

    make.launched(campaign(rule("code", gives="spring")))

    receipt = Receipt.objects.get()
    assert receipt.decision["slots"]["hero"]["offer"] == "spring"
    assert "SECRET-1" not in str(receipt.decision)
    assert b"SECRET-1" not in bytes(receipt.inputs or b"")


@pytest.mark.parametrize("policy", ["collect", "highest_value"])
def test_every_hit_policy_gives_way(policy: str) -> None:
    offer("small"), offer("big", total=1)
    make.people(2)
    backend = MemoryBackend()
    lines = (rule("low", gives="small", value=1), rule("high", gives="big", value=2, place=2))

    make.launched(campaign(*lines, policy=policy), backend=backend)

    both = "low[Offer small||10 %]\n\nhigh[Offer big||10 %]"
    high, low = "high[Offer big||10 %]", "low[Offer small||10 %]"
    shown = sorted(
        envelope.content.decode().replace("\r\n", "\n").split("Hello Anna\n")[1].split("\n1 ")[0]
        for envelope in backend.outbox
    )
    assert shown == sorted([both, low] if policy == "collect" else [high, low])


def test_a_mail_that_is_tried_again_shows_the_same_code() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=("A1", "B2", "C3"), total=1)
    make.people(1)
    spring, backend = campaign(rule("code", gives="spring")), Unwilling(Outcome.RETRY)
    make.launched(spring, backend=backend)
    code = OfferGrant.objects.get().code_text
    end_waiting()

    pipeline.run_chunk(spring, backend=backend, now=LATER)

    assert list(text(backend).values()) == [f"code[Offer spring|{code}|10 %]"]
    assert given(Offer.objects.get()) == 1
    assert OfferCode.objects.filter(is_given=True).count() == 1


def test_a_mail_that_is_refused_for_good_gives_back_what_it_reserved() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",), total=1, per_person=1)
    make.people(1)

    made = campaign(rule("code", gives="spring"))
    make.launched(made, backend=Unwilling(Outcome.FAILED))

    assert states(made) == {State.FAILED: 1}
    assert given(spring) == 0
    assert OfferCode.objects.filter(is_given=False).count() == 1


def test_a_mail_in_doubt_keeps_its_code_because_it_may_have_arrived() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    make.people(1)

    made = campaign(rule("code", gives="spring"))
    make.launched(made, backend=Unwilling(Outcome.UNKNOWN))

    assert states(made) == {State.UNKNOWN: 1}
    assert given(spring) == 1


def test_who_is_skipped_in_a_later_try_gives_back_what_it_reserved() -> None:
    spring = offer(total=1)
    (anna,) = make.people(1)
    made, backend = campaign(rule("code", gives="spring")), Unwilling(Outcome.RETRY)
    make.launched(made, backend=backend)
    assert given(spring) == 1
    ledger.withdraw(anna, purpose="email_marketing", source="test", at=NOON)
    end_waiting()

    pipeline.run_chunk(made, backend=backend, now=LATER)

    assert states(made) == {State.SKIPPED: 1}
    assert given(spring) == 0


def test_what_a_later_try_shows_no_more_is_given_back() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    make.people(1)
    made, backend = campaign(rule("code", gives="spring")), Unwilling(Outcome.RETRY)
    make.launched(made, backend=backend)
    ruleset = RuleSet.objects.get(slug="vouchers")
    content = {
        "hit_policy": "first", "rules": [],
        "fallback": {"block": "voucher", "variant": "none"},
    }  # fmt: skip
    rules.publisher.publish(ruleset, content=content, now=NOON)
    end_waiting()

    pipeline.run_chunk(made, backend=backend, now=LATER)

    assert list(text(backend).values()) == ["none[||]"]
    assert given(spring) == 0
    assert OfferCode.objects.filter(is_given=False).count() == 1


def test_a_preview_takes_nothing_and_shows_an_example() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    (anna,) = make.people(1)

    shown = preview.write(campaign(rule("code", gives="spring")), subject_id=anna.pk, now=NOON)

    assert shown.mail is not None
    assert "EXAMPLE-CODE" in shown.mail.text
    assert given(spring) == 0


def test_a_preview_shows_what_follows_when_no_code_is_left() -> None:
    offer(kind=Offer.Kind.POOL)
    (anna,) = make.people(1)

    shown = preview.write(campaign(rule("code", gives="spring")), subject_id=anna.pk, now=NOON)

    assert shown.mail is not None
    assert "none[||]" in shown.mail.text
    assert shown.because is not None
    assert "no code is left" in shown.because.slots[0].rules[0].withheld


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"kind": "pool"}, "has no codes left for an audience of 2"),
        ({"is_active": False}, "is switched off"),
        ({"valid_until": NOON}, "is over since 02 Mar 2026"),
    ],
)
def test_a_campaign_is_not_launched_with_an_offer_nobody_can_get(
    terms: dict[str, Any], says: str
) -> None:
    offer(**terms)
    make.people(2)
    made = campaign(rule("code", gives="spring"))
    for segment in made.segments.select_related("live"):
        membership.rebuild(segment, now=NOON)

    with pytest.raises(NotReady, match=says):
        lifecycle.launch(made, now=NOON)

    assert not Send.objects.exists()


def test_a_launched_campaign_goes_on_when_the_pool_is_empty() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    make.people(2)
    made = campaign(rule("code", gives="spring"))
    make.launched(made)

    assert lifecycle.problems(made, now=NOON) == []
    (standing,) = offering.standings(made)
    assert standing.left == 0


def test_where_no_offer_is_used_nothing_is_asked_of_the_database() -> None:
    make.people(2)
    made = make.campaign()
    lifecycle.launch(made, now=NOON)

    with CaptureQueriesContext(connection) as found:
        pipeline.run_chunk(made, backend=MemoryBackend(), now=NOON)

    assert [each for each in found if "personalization_offer" in each["sql"]] == []


def test_a_chunk_with_offers_takes_four_statements_more_whatever_its_size() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=[f"C{n}" for n in range(40)])
    made = campaign(rule("code", gives="spring"))
    make.people(22)
    lifecycle.launch(made, now=NOON)

    def statements(size: int) -> int:
        with CaptureQueriesContext(connection) as found:
            pipeline.run_chunk(made, backend=MemoryBackend(), now=NOON, size=size)
        told = [each["sql"] for each in found]
        return len([each for each in told if "personalization_offer" in each])

    # The terms, the lock, the reservation, and what earlier tries hold.
    assert statements(2) == statements(20) == 4


def test_two_mails_to_one_person_in_a_chunk_are_two_chunks_where_offers_are_given() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("FIRST-OF-TWO", "SECOND-OF-TWO"))
    (anna,) = make.people(1)
    made, backend = campaign(rule("code", gives="spring")), MemoryBackend()
    Campaign.objects.filter(pk=made.pk).update(is_capped=False)
    made.refresh_from_db()
    lifecycle.launch(made, now=NOON)
    make.send(made, anna, state=State.PLANNED, occurrence="again", due_at=NOON)

    first = pipeline.run_chunk(made, backend=backend, now=NOON)
    second = pipeline.run_chunk(made, backend=backend, now=NOON)

    assert (first.counts[State.SENT], second.counts[State.SENT]) == (1, 1)
    assert {each.content.count(b"FIRST-OF-TWO") for each in backend.outbox} == {0, 2}
    assert given(spring) == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_campaigns_that_compete_share_one_limit_and_one_pool() -> None:
    pool = offer("spring", kind=Offer.Kind.POOL, with_codes=[f"C{n}" for n in range(30)], total=25)
    make.people(10)
    made = [campaign(rule("code", gives="spring"), slug=f"c{number}") for number in range(4)]
    for each in made:
        Campaign.objects.filter(pk=each.pk).update(is_capped=False)
        each.refresh_from_db()
        lifecycle.launch(each, now=NOON)
    backends = [MemoryBackend() for _ in made]

    def worker(number: int) -> None:
        while pipeline.run_chunk(made[number], backend=backends[number], now=NOON, size=3).taken:
            pass

    together(*(lambda n=number: worker(n) for number in range(4)))

    shown = [mail for backend in backends for mail in text(backend).values()]
    codes = [mail for mail in shown if mail.startswith("code")]
    assert len(shown) == 40
    assert len(codes) == len(set(codes)) == given(pool) == 25
