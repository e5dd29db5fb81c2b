"""Launch, pause, resume, finish: nothing starts that cannot be sent, nothing closes too early."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from campaigns.models import Campaign, CampaignSlot, ExperimentArm, Send, SenderIdentity, Template
from campaigns.rendering import publish as templates
from campaigns.sending import lifecycle, pipeline
from campaigns.sending.lifecycle import NotReady
from consent.models import AuditEntry
from personalization.models import ContentBlock, Field, RuleSet, Segment
from personalization.rules import publish as rules
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, TEMPLATE, MemoryBackend
from tests.campaigns.sending_support import State, states
from tests.personalization.factories import segment

pytestmark = pytest.mark.django_db


def without_segment(campaign: Campaign) -> None:
    campaign.segments.clear()


def without_live_segment(campaign: Campaign) -> None:
    Segment.objects.update(live=None)


def without_template(campaign: Campaign) -> None:
    campaign.template = None


def without_live_template(campaign: Campaign) -> None:
    Template.objects.update(live=None)
    campaign.template = Template.objects.get()


def without_sender(campaign: Campaign) -> None:
    campaign.sender = None


def with_a_sender_no_header_can_carry(campaign: Campaign) -> None:
    SenderIdentity.objects.update(from_email="günther@example.com")
    campaign.sender = SenderIdentity.objects.get()


def without_live_ruleset(campaign: Campaign) -> None:
    RuleSet.objects.update(live=None)


def without_live_block(campaign: Campaign) -> None:
    ContentBlock.objects.update(live=None)


def without_the_slot_the_template_shows(campaign: Campaign) -> None:
    CampaignSlot.objects.all().delete()


def with_an_arm_whose_subject_is_broken(campaign: Campaign) -> None:
    make.experiment(campaign)
    ExperimentArm.objects.filter(key="b").update(subject="{% if %}")


def with_arms_without_weight(campaign: Campaign) -> None:
    make.experiment(campaign)
    ExperimentArm.objects.update(weight=0)


def with_a_segment_whose_field_is_gone(campaign: Campaign) -> None:
    campaign.segments.add(segment("germans"))
    Field.objects.filter(name="country").delete()


def with_a_rule_by_a_broken_segment(campaign: Campaign) -> None:
    segment("inner")
    segment("vips", tree={"segment": "inner"})
    by = RuleSet.objects.select_related("live").get()
    assert by.live is not None
    not_vips = {**by.live.content["rules"][0], "condition": {"not": {"segment": "vips"}}}
    rules.publisher.publish(by, content={**by.live.content, "rules": [not_vips]}, now=NOON)
    assert lifecycle.problems(campaign, now=NOON) == []
    Segment.objects.filter(slug="inner").update(is_archived=True)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (without_segment, "segment"),
        (without_live_segment, "segment"),
        (without_template, "template"),
        (without_live_template, "template"),
        (without_sender, "sender"),
        (with_a_sender_no_header_can_carry, "address"),
        (without_live_ruleset, "ruleset"),
        (without_live_block, "block “hero”"),
        (without_the_slot_the_template_shows, "slot “hero”"),
        (with_an_arm_whose_subject_is_broken, "line 1, column"),
        (with_arms_without_weight, "weight"),
        (with_a_segment_whose_field_is_gone, "“Segment germans” is broken.*“attributes.country”"),
        (with_a_rule_by_a_broken_segment, "“hero” does not apply.*“Segment vips” is broken"),
    ],
)
def test_what_cannot_be_sent_is_not_launched_and_says_what_is_missing(
    break_it: Callable[[Campaign], None], words: str
) -> None:
    make.person()
    campaign = make.campaign()
    break_it(campaign)

    with pytest.raises(NotReady, match=words):
        lifecycle.launch(campaign, now=NOON)

    assert Campaign.objects.get().status == "draft"
    assert not Send.objects.exists()
    assert lifecycle.problems(campaign, now=NOON)
    assert campaign.template_version is None


def test_ready_campaign_has_no_problems_and_looking_changes_nothing() -> None:
    campaign = make.campaign()

    assert lifecycle.problems(campaign, now=NOON) == []
    assert campaign.template_version is None


def test_launch_is_noted_in_the_audit() -> None:
    make.people(2)
    campaign = make.campaign()

    lifecycle.launch(campaign, now=NOON)

    entry = AuditEntry.objects.get(action="campaign.launch")
    assert entry.detail == {"added": 2}


def test_template_changed_after_the_launch_does_not_reach_the_rest() -> None:
    make.people(2)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    changed = {**TEMPLATE, "subject": "Another subject"}
    templates.publisher.publish(Template.objects.get(), content=changed, now=NOON)

    lifecycle.launch(Campaign.objects.get(), now=NOON)
    backend = MemoryBackend()
    pipeline.run_chunk(Campaign.objects.get(), backend=backend, now=NOON)

    assert all(b"Another subject" not in envelope.content for envelope in backend.outbox)
    assert len(backend.outbox) == 2


def test_paused_campaign_goes_on_where_it_stopped() -> None:
    make.people(5)
    campaign, backend = make.campaign(), MemoryBackend()
    lifecycle.launch(campaign, now=NOON)
    pipeline.run_chunk(campaign, backend=backend, now=NOON, size=2)

    assert lifecycle.pause(campaign)
    paused = pipeline.run_chunk(campaign, backend=backend, now=NOON)
    assert lifecycle.resume(campaign)
    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    assert paused.taken == 0
    assert states(campaign) == {State.SENT: 5}
    assert len({envelope.message_key for envelope in backend.outbox}) == 5


def test_pause_of_what_is_not_sending_says_so() -> None:
    campaign = make.campaign()

    assert not lifecycle.pause(campaign)
    assert not lifecycle.resume(campaign)
    assert Campaign.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("state", "is_finished"),
    [
        (State.PLANNED, False),
        (State.CLAIMED, False),
        (State.HANDING_OVER, False),
        (State.UNKNOWN, False),
        (State.SENT, True),
        (State.FAILED, True),
        (State.SKIPPED, True),
        (State.HELD, True),
    ],
)
def test_campaign_is_finished_when_nothing_is_open(state: str, *, is_finished: bool) -> None:
    subject, campaign = make.person(), make.campaign()
    Campaign.objects.update(status="sending")
    make.send(campaign, subject, state=state, lease_until=NOON)

    lifecycle.finish(now=NOON)

    assert (Campaign.objects.get().status == "sent") == is_finished


def test_unknown_that_nobody_can_ever_tell_does_not_keep_a_campaign_open() -> None:
    subject, campaign = make.person(), make.campaign()
    Campaign.objects.update(status="sending")
    make.send(campaign, subject, state=State.UNKNOWN, lease_until=None)

    assert lifecycle.finish(now=NOON) == 1


def test_only_sending_campaigns_are_finished() -> None:
    campaign = make.campaign()

    assert lifecycle.finish(now=NOON) == 0
    assert Campaign.objects.get(pk=campaign.pk).status == "draft"


def test_due_campaigns_come_by_priority_and_paused_or_later_ones_do_not() -> None:
    subject = make.person()
    low, high, paused, later = (make.campaign(slug=slug) for slug in ("low", "high", "p", "l"))
    for campaign in (low, high, later):
        Campaign.objects.filter(pk=campaign.pk).update(status="sending")
    Campaign.objects.filter(pk=paused.pk).update(status="paused")
    Campaign.objects.filter(pk=high.pk).update(priority=5)
    for campaign in (low, high, paused):
        make.send(campaign, subject, state=State.PLANNED, due_at=NOON)
    make.send(later, subject, state=State.PLANNED, due_at=NOON + timedelta(seconds=1))

    assert lifecycle.due(now=NOON) == [high.pk, low.pk]


def test_reopening_leaves_paused_campaigns_paused() -> None:
    closed, paused = make.campaign(slug="closed"), make.campaign(slug="paused")
    Campaign.objects.filter(pk=closed.pk).update(status="sent")
    Campaign.objects.filter(pk=paused.pk).update(status="paused")

    lifecycle.reopen({closed.pk, paused.pk})

    found = dict(Campaign.objects.values_list("slug", "status"))
    assert found == {"closed": "sending", "paused": "paused"}


def test_open_and_doubtful_rows_are_found_by_the_databases_clock() -> None:
    subject, campaign = make.person(), make.campaign()
    future, past = Now() + timedelta(seconds=60), Now() - timedelta(seconds=60)
    make.send(campaign, subject, state=State.UNKNOWN, lease_until=future, occurrence="1")
    over = make.send(campaign, subject, state=State.UNKNOWN, lease_until=past, occurrence="2")
    lost = make.send(campaign, subject, state=State.UNKNOWN, lease_until=None, occurrence="3")

    assert set(Send.objects.doubtful()) == {over, lost}
    assert Send.objects.open().count() == 2
