"""Planning: one statement, one row for each member, the right reason, never anybody twice."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.audience import estimate
from campaigns.experiments.assign import is_held_out
from campaigns.models import Campaign, Send
from campaigns.sending.plan import plan
from consent import ledger, suppression
from consent.models import DataSubject, Identifier
from personalization.merging import merge as joining
from personalization.models import Segment
from personalization.segments import membership
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON
from tests.campaigns.sending_support import erase, together

pytestmark = pytest.mark.django_db


def ready(people: int) -> tuple[Campaign, list[DataSubject]]:
    """A campaign whose segment holds that many people."""
    subjects = make.people(people)
    campaign = make.campaign()
    for segment in Segment.objects.exclude(live=None):
        membership.rebuild(segment, now=NOON)
    return campaign, subjects


def reasons(campaign: Campaign) -> dict[int, str]:
    rows = Send.objects.filter(campaign=campaign)
    return dict(rows.values_list("subject_id", "reason"))


def test_every_member_gets_one_send_in_one_statement() -> None:
    campaign, subjects = ready(12)

    with CaptureQueriesContext(connection) as queries:
        planned = plan(campaign, now=NOON)

    inserts = [q["sql"] for q in queries if "INSERT INTO campaigns_send" in q["sql"]]
    assert len(inserts) == 1
    assert planned.added == planned.planned == len(subjects)
    assert Counter(Send.objects.values_list("subject", flat=True)) == Counter(
        subject.pk for subject in subjects
    )


def test_member_of_two_segments_of_the_campaign_is_planned_once() -> None:
    campaign, subjects = ready(3)
    campaign.segments.add(make.segment("also"))
    for segment in Segment.objects.all():
        membership.rebuild(segment, now=NOON)

    planned = plan(campaign, now=NOON)

    assert planned.added == len(subjects)


def test_each_skipped_member_has_its_reason_and_the_estimate_said_the_same() -> None:
    campaign, (fine, refused, suppressed, erased, homeless, objecting) = ready(6)
    ledger.withdraw(refused, purpose="email_marketing", source="test", at=NOON)
    ledger.object_to(objecting, purpose="email_marketing", source="test", at=NOON)
    suppression.suppress_subject(suppressed, reason="complaint", source="test", at=NOON)
    erase(erased, at=NOON)
    Identifier.objects.filter(subject=homeless, kind="email").delete()
    DataSubject.objects.filter(pk=homeless.pk).update(email_index=None)
    expected = estimate.reach(campaign, at=NOON)

    planned = plan(campaign, now=NOON)

    assert reasons(campaign) == {
        fine.pk: "",
        refused.pk: "no_consent",
        objecting.pk: "no_consent",
        suppressed.pk: "suppressed",
        erased.pk: "erased",
        homeless.pk: "no_address",
    }
    assert planned.skipped == expected.skipped
    assert planned.planned == expected.reached == 1


def test_consent_that_has_run_out_is_no_consent() -> None:
    campaign, (subject,) = ready(1)
    subject.states.filter(purpose="email_marketing").update(expires_at=NOON - timedelta(seconds=1))

    plan(campaign, now=NOON)

    assert reasons(campaign) == {subject.pk: "no_consent"}


def test_holdout_is_drawn_by_hash_from_those_who_may_be_mailed() -> None:
    campaign, subjects = ready(60)
    test = make.experiment(campaign, holdout_percent=30)
    refused = subjects[:20]
    for subject in refused:
        ledger.withdraw(subject, purpose="email_marketing", source="test", at=NOON)

    plan(campaign, now=NOON)

    found = reasons(campaign)
    for subject in subjects:
        is_out = is_held_out(str(subject.pseudonym), experiment=test.seed, percent=30)
        by_hash = "holdout" if is_out else ""
        assert found[subject.pk] == ("no_consent" if subject in refused else by_hash)
    assert Counter(found.values())["holdout"] > 0


def test_planning_again_adds_nobody_and_changes_nobody() -> None:
    campaign, _ = ready(5)
    plan(campaign, now=NOON)
    before = list(Send.objects.order_by("pk").values())

    again = plan(campaign, now=NOON + timedelta(hours=1))

    assert again.added == 0
    assert list(Send.objects.order_by("pk").values()) == before


def test_planning_again_adds_only_who_came_in_since() -> None:
    campaign, subjects = ready(3)
    plan(campaign, now=NOON)
    late = make.person(99)
    for segment in Segment.objects.all():
        membership.rebuild(segment, now=NOON)

    again = plan(campaign, now=NOON)

    assert again.added == 1
    assert set(reasons(campaign)) == {subject.pk for subject in [*subjects, late]}


def test_message_keys_are_unique_and_say_nothing() -> None:
    campaign, _ = ready(20)

    plan(campaign, now=NOON)

    keys = list(Send.objects.values_list("message_key", flat=True))
    assert len(set(keys)) == 20
    assert all(isinstance(key, uuid.UUID) and key.version == 4 for key in keys)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_planners_at_the_same_moment_plan_nobody_twice() -> None:
    campaign, subjects = ready(40)

    results = together(*(lambda: plan(campaign, now=NOON) for _ in range(4)))

    assert sum(result.added for result in results) == len(subjects)
    assert Send.objects.filter(campaign=campaign).count() == len(subjects)


@pytest.mark.parametrize(("state", "added"), [("sent", 0), ("unknown", 0), ("skipped", 1)])
def test_what_somebody_got_before_a_merge_the_kept_one_does_not_get_again(
    state: str, added: int
) -> None:
    campaign, (kept, absorbed) = ready(2)
    plan(campaign, now=NOON)
    Send.objects.filter(subject=kept).delete()
    Send.objects.filter(subject=absorbed).update(state=state)
    joining.merge(kept.pk, absorbed.pk, reason="decided", source="test", actor=None, now=NOON)

    again = plan(campaign, now=NOON)

    assert again.added == added
    assert plan(campaign, now=NOON, occurrence="next").added == 1
