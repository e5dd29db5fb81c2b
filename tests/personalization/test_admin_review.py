"""Draft, review, live: submitted, approved by another, sent back with a comment, taken back."""

import pytest
from django.urls import reverse
from pytest_django import Settings

from consent.models import AuditEntry
from personalization.content import blocks
from personalization.models import ContentBlock, RuleSet, Segment, SegmentVersion
from personalization.rules import publish as rules
from personalization.segments import publish as segments
from personalization.versions import NotInReview
from tests.campaigns import factories as make
from tests.personalization.factories import (
    FRENCH,
    GERMANS,
    block,
    client_of,
    ruleset,
    segment,
    table,
)
from tests.personalization.test_admin_versioned import post, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def state(thing: Segment, number: int = 2) -> str:
    return SegmentVersion.objects.get(of=thing, number=number).state


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_marketer_submits_and_an_approver_puts_live(settings: Settings) -> None:
    settings.ATTUNE_FOUR_EYES = True
    germans, marketer, approver = segment(), client_of("marketer"), client_of("approver")

    post(marketer, germans, FRENCH, note="try France", _submit="1")

    page = approver.get(url(germans)).content.decode()
    assert state(germans) == "review"
    assert "waits for an approver" in page
    assert "Approve and put live" in page
    assert "try France" in page
    assert "Approve and put live" not in marketer.get(url(germans)).content.decode()
    approver.post(url(germans, "live", 2))
    germans.refresh_from_db()
    assert germans.live is not None
    assert (germans.live.number, state(germans), state(germans, 1)) == (2, "live", "retired")
    assert actions()[-2:] == ["version.submit", "version.live"]


def test_the_list_says_what_waits_for_review() -> None:
    germans = segment()
    post(client_of("marketer"), germans, FRENCH, _submit="1")

    page = client_of("analyst").get(reverse("admin:personalization_segment_changelist"))

    assert "In review · v2" in page.content.decode()


def test_an_approver_sends_back_with_a_comment_that_the_author_sees() -> None:
    germans, marketer, approver = segment(), client_of("marketer"), client_of("approver")
    post(marketer, germans, FRENCH, _submit="1")

    approver.post(url(germans, "send_back", 2), {"comment": "Belgium is missing"})

    page = marketer.get(url(germans)).content.decode()
    assert state(germans) == "draft"
    assert "Sent back by approver" in page
    assert "Belgium is missing" in page
    assert actions()[-1] == "version.send_back"
    post(marketer, germans, {"any": [FRENCH, GERMANS]}, _submit="1")
    draft = SegmentVersion.objects.get(of=germans, number=2)
    assert (draft.state, draft.review_comment, draft.reviewer) == ("review", "", None)


def test_sending_back_takes_a_comment_and_the_right_to() -> None:
    germans, marketer, approver = segment(), client_of("marketer"), client_of("approver")
    post(marketer, germans, FRENCH, _submit="1")

    refused = marketer.post(url(germans, "send_back", 2), {"comment": "no"})
    answer = approver.post(url(germans, "send_back", 2), {"comment": " "}, follow=True)

    assert refused.status_code == 403
    assert "say what is to be mended" in answer.content.decode()
    assert state(germans) == "review"


def test_a_change_during_the_review_makes_it_a_draft_again() -> None:
    germans, marketer = segment(), client_of("marketer")
    post(marketer, germans, FRENCH, _submit="1")

    post(marketer, germans, {"any": [FRENCH, GERMANS]}, _save="1")

    assert state(germans) == "draft"


def test_with_four_eyes_nobody_approves_their_own_submission(settings: Settings) -> None:
    settings.ATTUNE_FOUR_EYES = True
    germans, approver = segment(), client_of("approver")
    post(approver, germans, FRENCH, _submit="1")

    page = approver.get(url(germans)).content.decode()
    approver.post(url(germans, "live", 2))

    assert "It is your own work" in page
    assert "Approve and put live" not in page
    assert state(germans) == "review"


def test_what_is_live_or_a_draft_cannot_be_sent_back() -> None:
    germans, approver = segment(), client_of("approver")

    answer = approver.post(url(germans, "send_back", 1), {"comment": "no"}, follow=True)

    assert "Not sent back: Version 1 is not in review any more" in answer.content.decode()
    with pytest.raises(NotInReview):
        segments.publisher.submit(SegmentVersion.objects.get(of=germans))


def test_one_press_goes_back_even_to_own_work_and_is_noted(settings: Settings) -> None:
    germans, approver = segment(), client_of("approver")
    post(approver, germans, FRENCH, _live="1")
    settings.ATTUNE_FOUR_EYES = True

    assert "Back to v1" in approver.get(url(germans)).content.decode()
    assert "Back to v1" not in client_of("marketer").get(url(germans)).content.decode()
    approver.post(url(germans, "live", 1))

    germans.refresh_from_db()
    assert germans.live is not None
    assert germans.live.number == 1
    entry = AuditEntry.objects.order_by("-pk")[0]
    assert (entry.action, entry.detail) == ("version.rollback", {"number": 1})


def test_everything_that_decides_has_review_and_a_way_back() -> None:
    campaign = make.campaign()
    assert campaign.template is not None
    things = [
        segment(),
        RuleSet.objects.get(slug="hero"),
        ContentBlock.objects.get(slug="hero"),
        campaign.template,
    ]
    marketer = client_of("marketer")

    for thing in things:
        name = f"admin:{thing._meta.app_label}_{thing._meta.model_name}"
        page = marketer.get(reverse(f"{name}_change", args=[thing.pk])).content.decode()
        assert 'name="_submit"' in page
        assert reverse(f"{name}_send_back", args=[thing.pk, 1])


def test_a_version_that_no_longer_fits_is_not_brought_back() -> None:
    block()
    rules_of = ruleset()
    plain = table()
    rules.publisher.publish(rules_of, content=plain, now=make.NOON)
    general = [{"key": "general", "name": "General", "html": "<p>g</p>", "text": "g"}]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": general, "fallback": "general"},
        now=make.NOON,
    )
    approver = client_of("approver")

    answer = approver.post(url(rules_of, "live", 1), follow=True)

    rules_of.refresh_from_db()
    assert "has no variant “vip”" in answer.content.decode()
    assert rules_of.live is not None
    assert rules_of.live.number == 2
