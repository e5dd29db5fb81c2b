from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns.models import Send
from campaigns.sending import explain, preview, story
from campaigns.sending.reasons import WORDS, in_words
from consent.models import AuditEntry
from personalization.models import CustomerProfile, Receipt, RuleSet
from personalization.recommendations import shelf, train
from personalization.rules import publish as rules
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON

pytestmark = pytest.mark.django_db


def sent_to(**given: Any) -> Send:
    """One mail of the real pipeline."""
    campaign = make.campaign()
    make.experiment(campaign)
    subject = make.person(1, **given)
    make.launched(campaign)
    return Send.objects.select_related("campaign").get(subject=subject)


def test_a_rule_that_decided_is_told_with_its_sentence() -> None:
    because = story.tell(sent_to(country="DE")).because

    assert because is not None
    slot = because.slots[0]
    assert (slot.slot, slot.ruleset, slot.version) == ("hero", "Who sees which hero", 1)
    assert (slot.block, slot.variant, slot.is_fallback) == ("Hero block", "Made in Germany", False)
    rule = slot.rules[0]
    assert (rule.name, rule.is_hit, rule.is_chosen) == ("Lives in Germany", True, True)
    assert rule.sentence == "Customers whose country is “DE”."


def test_a_fallback_is_told_as_such() -> None:
    because = story.tell(sent_to(country="FR")).because

    assert because is not None
    slot = because.slots[0]
    assert (slot.variant, slot.is_fallback, slot.chosen) == ("The season", True, "Fallback")
    assert [(rule.is_hit, rule.is_chosen) for rule in slot.rules] == [(False, False)]


def test_permission_template_and_arm_are_told() -> None:
    told = story.tell(sent_to(granted=["email_marketing", "profiling"]))

    assert told.because is not None
    consent = told.because.consent
    assert consent.purpose == "Marketing email"
    assert (consent.may_profile, consent.may_track) == (True, False)
    assert told.template == "Spring template, version 1"
    assert told.arm in ("a: Your name", "b: A product")
    assert told.segments == [("Newsletter readers", True)]


def test_a_skipped_send_has_a_reason_in_words_and_no_decision() -> None:
    told = story.tell(sent_to(granted=["profiling"]))

    assert told.send.state == Send.State.SKIPPED
    assert told.reason == "No consent to this kind of mail"
    assert told.because is None


def test_the_story_is_told_in_order_of_time() -> None:
    mail = sent_to()
    make.tracked(mail, "clicked", at=NOON + timedelta(minutes=9))
    make.tracked(mail, "opened", at=NOON + timedelta(minutes=5))
    make.tracked(mail, "opened", is_machine=True, at=NOON + timedelta(minutes=1))
    make.converted(mail, at=NOON + timedelta(hours=2))

    moments = story.tell(mail).moments

    titles = [moment.title for moment in moments]
    assert titles[:1] == ["Planned"]
    assert titles[-4:] == ["Opened", "Opened", "Clicked", "Ordered"]
    assert moments[-4].detail == "by a scanner or proxy, not counted"
    assert moments[-1].detail == "for 49.90"


def test_products_are_told_with_name_and_reason() -> None:
    mail = sent_to()
    shoe, polish = make.product(1, name="Shoe"), make.product(2, name="Polish")
    decision = Receipt.objects.get(message_key=mail.message_key).decision
    decision["recommendations"] = [
        {
            "product": polish.pk,
            "strategy": "because_you_bought",
            "tier": 0,
            "because_of": shoe.pk,
            "score": 0.5,
        },
        {"product": shoe.pk, "strategy": "popular", "tier": 2, "because_of": None, "score": 3.0},
        {"product": 0, "strategy": "popular", "tier": 2, "because_of": None, "score": 1.0},
    ]

    products = explain.because(decision).products

    assert [(p.name, p.sentence, p.is_fallback) for p in products] == [
        ("Polish", "Because you bought Shoe", False),
        ("Shoe", "Popular with our customers", True),
        ("A product that is gone", "Popular with our customers", True),
    ]


def test_inputs_are_opened_under_their_labels() -> None:
    receipt = story.tell(sent_to(country="FR")).receipt

    assert receipt is not None
    assert ("Country", "FR") in [(i.label, i.value) for i in story.inputs(receipt) or []]


@pytest.mark.parametrize(
    ("granted", "names"),
    [
        (make.EVERYTHING, {"stock", "model", "traits"}),
        (("email_marketing",), {"stock", "model"}),
    ],
)
def test_a_receipt_says_how_old_was_what_may_be_seen(
    granted: tuple[str, ...], names: set[str], settings: Settings, tmp_path: Path
) -> None:
    settings.ATTUNE_VAR = tmp_path
    campaign, anna = make.campaign(), make.person(1, granted=granted)
    CustomerProfile.objects.filter(pk=anna.pk).update(traits_at=NOON - timedelta(hours=3))
    train.train(now=NOON - timedelta(days=2))
    shelf.forget()

    make.launched(campaign)

    ages = Receipt.objects.get().decision["ages"]
    told = story.tell(Send.objects.select_related("campaign").get()).because
    assert set(ages) == names
    assert ages["model"] == 2 * 86_400
    assert ages.get("traits") in (None, 3 * 3_600)
    assert told is not None
    words = {"stock": f"stock {ages['stock']} seconds", "model": "model 2 days"}
    assert set(told.ages) == {{**words, "traits": "traits 3 hours"}[name] for name in names}
    shelf.forget()


def test_the_share_of_people_who_see_it_is_told_where_rules_try_out() -> None:
    campaign = make.campaign()
    hero = RuleSet.objects.get(slug="hero")
    assert hero.live is not None
    rules.publisher.publish(hero, content={**hero.live.content, "exploration": 0.3}, now=NOON)
    make.person(1)
    make.launched(campaign)

    told = story.tell(Send.objects.select_related("campaign").get()).because

    assert told is not None
    shown = told.slots[0]
    assert shown.percent == (15.0 if shown.is_tried else 85.0)


def test_queries_of_a_story_do_not_grow_with_what_came_back(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    mail = sent_to()
    cache.clear()  # the names of events are remembered for a minute
    with django_assert_num_queries(15):
        story.tell(Send.objects.select_related("campaign").get(pk=mail.pk))
    for _ in range(5):
        make.tracked(mail, "clicked")
        make.converted(mail)
    cache.clear()

    with django_assert_num_queries(15):
        story.tell(Send.objects.select_related("campaign").get(pk=mail.pk))


def test_every_reason_that_is_written_has_words() -> None:
    assert in_words("no_consent") == WORDS["no_consent"]
    assert in_words("something_new") == "something new"


# Preview


def test_a_preview_shows_the_mail_and_keeps_nothing() -> None:
    campaign, subject = make.campaign(), make.person(country="DE")
    before = AuditEntry.objects.count()

    written = preview.write(campaign, subject_id=subject.pk, now=NOON, in_clear=True)

    assert written.mail is not None
    assert written.mail.subject == "Anna, your picks"
    assert "Made in Germany" in written.mail.html
    assert (Send.objects.count(), Receipt.objects.count(), campaign.links.count()) == (0, 0, 0)
    assert AuditEntry.objects.count() == before


def test_a_preview_has_no_pixel_and_links_as_they_were_written() -> None:
    campaign, subject = make.campaign(), make.person()

    written = preview.write(campaign, subject_id=subject.pk, now=NOON)

    assert written.mail is not None
    assert "/o/" not in written.mail.html
    assert "/c/" not in written.mail.html


def test_a_preview_masks_names_for_who_may_not_see_them() -> None:
    campaign, subject = make.campaign(), make.person()

    written = preview.write(campaign, subject_id=subject.pk, now=NOON)

    assert written.mail is not None
    assert written.mail.subject == "A***, your picks"
    assert "Anna" not in written.mail.html + written.mail.text


def test_a_preview_of_who_refused_says_so_and_writes_nothing() -> None:
    campaign, subject = make.campaign(), make.person(granted=["profiling"])

    written = preview.write(campaign, subject_id=subject.pk, now=NOON)

    assert written.mail is None
    assert written.problem == "Would be skipped. No consent to this kind of mail."


def test_a_preview_shows_the_arm_asked_for() -> None:
    campaign, subject = make.campaign(), make.person()
    test = make.experiment(campaign)
    test.arms.filter(key="b").update(subject="Arm b")

    written = preview.write(campaign, subject_id=subject.pk, now=NOON, arm="b")

    assert (written.arms, written.arm) == (("a", "b"), "b")
    assert written.mail is not None
    assert written.mail.subject == "Arm b"
