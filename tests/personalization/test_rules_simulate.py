"""A simulation: what two versions show everybody, stopped on the way, and the trace of one."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from consent import gate, jobs, ledger
from consent.models import AuditEntry, Job
from personalization.models import CustomerProfile, OfferGrant, RuleSet, RuleSetVersion, Segment
from personalization.profiles import catalogue, load
from personalization.rules import choices, simulate
from personalization.rules.evaluate import compile_ruleset, evaluate, parse_ruleset
from personalization.rules.publish import publisher
from personalization.rules.tracing import trace
from personalization.rules.wording import all_in_words
from tests.campaigns.factories import NOON, people, person
from tests.personalization.factories import (
    FRENCH,
    GERMANS,
    block,
    client_of,
    rule,
    ruleset,
    segment,
    table,
)
from tests.personalization.offer_support import offer

pytestmark = pytest.mark.django_db
VIP, GENERAL = "Block hero, “Vip”", "Block hero, “General”"


def two_versions() -> RuleSet:
    """Live: Germans see `vip`. Draft: the French do, with an offer, and Germans do no more."""
    block()
    offer("spring", total=1)
    made = ruleset()
    french = rule("french", condition=FRENCH)
    french["outcome"] = french["outcome"] | {"offer": "spring"}
    publisher.save_draft(made, content=table(french))
    return made


def simulated(of: RuleSet, *, before: int = 1, after: int = 2) -> Job:
    job = simulate.ask(of, before=before, after=after)
    simulate.run(job.pk, now=NOON)
    job.refresh_from_db()
    return job


def counts(job: Job) -> dict[tuple[str, str], int]:
    return {(each["before"], each["after"]): each["count"] for each in job.result["pairs"]}


def test_everybody_is_counted_from_what_to_what() -> None:
    for number, country in enumerate(("DE", "DE", "FR", "NL")):
        person(number, country=country)

    job = simulated(two_versions())

    assert job.state == Job.State.DONE
    assert counts(job) == {
        (VIP, GENERAL): 2,
        (GENERAL, f"{VIP}, offer: Offer spring"): 1,
        (GENERAL, GENERAL): 1,
    }
    assert (job.result["people"], job.result["changed"]) == (4, 3)
    assert not OfferGrant.objects.exists()


def test_it_agrees_with_deciding_for_each_person_alone() -> None:
    for number in range(30):
        granted = ("email_marketing", "profiling") if number % 3 else ("email_marketing",)
        person(number, country=("DE", "FR", "NL")[number % 3 - 1], granted=granted)
    made = two_versions()
    versions = [RuleSetVersion.objects.get(of=made, number=number) for number in (1, 2)]
    compiled = [compile_ruleset(parse_ruleset(each.content)) for each in versions]
    ids = list(made_ids())
    profiles = load.profiles(
        gate.permissions(ids, purpose="email_marketing", at=NOON),
        needs=simulate.needs_of(compiled),
        catalogue=catalogue.load(),
        now=NOON,
    )
    plainly = simulate.Tally()
    for profile in profiles:
        before, after = (
            all_in_words([evaluate(each, profile.facts, NOON).outcome], called=choices.called())
            for each in compiled
        )
        plainly.add(profile.subject_id, before=before, after=after)

    assert counts(simulated(made)) == dict(plainly.counts)


def test_samples_are_people_who_change_and_few() -> None:
    people(9)

    job = simulated(two_versions())

    by_pair = {(each["before"], each["after"]): each["samples"] for each in job.result["pairs"]}
    assert len(by_pair[VIP, GENERAL]) == simulate.SAMPLES
    assert set(by_pair[VIP, GENERAL]) <= set(made_ids())


def test_consents_count_as_in_a_send() -> None:
    anna = person(country="NL")
    CustomerProfile.objects.update(traits={"order_count": 3})
    fans = {"field": "traits.order_count", "op": "gte", "value": 2}
    made = two_versions()
    publisher.save_draft(made, content=table(rule("fans", condition=fans)))
    assert counts(simulated(made)) == {(GENERAL, VIP): 1}

    ledger.withdraw(anna, purpose="profiling", source="test", at=NOON)

    assert counts(simulated(made)) == {(GENERAL, GENERAL): 1}


def test_a_stop_is_heard_between_chunks_and_keeps_what_was_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people(6)
    monkeypatch.setattr(simulate, "CHUNK", 2)
    monkeypatch.setattr(jobs, "WRITE_EVERY_SECONDS", 0)
    job = simulate.ask(two_versions(), before=1, after=2)
    chunks = simulate._chunks

    def stopping() -> Any:
        for number, ids in enumerate(chunks()):
            if number == 1:
                jobs.cancel(job)
            yield ids

    monkeypatch.setattr(simulate, "_chunks", stopping)
    simulate.run(job.pk, now=NOON)

    job.refresh_from_db()
    assert (job.state, job.done, job.result["people"]) == (Job.State.CANCELLED, 4, 4)
    monkeypatch.setattr(simulate, "_chunks", chunks)
    simulate.run(job.pk, now=NOON)
    job.refresh_from_db()
    assert (job.state, job.done, job.result["people"]) == (Job.State.DONE, 6, 6)


@pytest.mark.usefixtures("roles")
def test_a_lost_worker_does_not_keep_others_from_simulating() -> None:
    made = two_versions()
    job = simulate.ask(made, before=1, after=2)
    now = timezone.now()
    here = reverse("admin:personalization_ruleset_simulate", args=[made.pk])
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, beat_at=now)
    assert simulate.is_going_on(simulate.latest(made), now=now)

    Job.objects.filter(pk=job.pk).update(beat_at=now - simulate.SILENCE)

    assert not simulate.is_going_on(simulate.latest(made), now=now)
    marketer = client_of("marketer")
    assert "Its worker was lost" in marketer.get(here).content.decode()
    marketer.post(here, {"before": 1, "after": 2})
    assert Job.objects.filter(kind=simulate.KIND).count() == 2


def test_queries_grow_with_chunks_and_not_with_people() -> None:
    people(12)
    made = two_versions()

    def queries(job: Job) -> int:
        with CaptureQueriesContext(connection) as found:
            simulate.run(job.pk, now=NOON)
        return len(found)

    first = queries(simulate.ask(made, before=1, after=2))
    for number in range(100, 130):
        person(number)
    assert queries(simulate.ask(made, before=1, after=2)) == first


def test_the_trace_of_one_says_every_rule_and_condition() -> None:
    anna = person(country="FR")
    made = two_versions()
    live, draft = (RuleSetVersion.objects.get(of=made, number=number) for number in (1, 2))

    before = trace(live, subject_id=anna.pk, now=NOON)
    after = trace(draft, subject_id=anna.pk, now=NOON)

    assert before is not None
    assert after is not None
    (germans,) = before.rules
    shown = "hero, variant general"
    assert (before.shown, before.is_fallback, germans.note) == (shown, True, "not true")
    assert [(each.outcome, each.seen) for each in germans.clauses] == [("false", "FR")]
    (french,) = after.rules
    assert (french.is_chosen, french.note, after.shown) == (
        True, "decided", "hero, variant vip, offer: spring",
    )  # fmt: skip


def test_the_trace_says_how_conditions_are_joined_and_turned_around() -> None:
    anna = person(country="FR")
    made = two_versions()
    never_bought = {"not": {"event": "Order Completed"}}
    condition = {"all": [never_bought, {"any": [GERMANS, {"not": {"all": [FRENCH]}}]}]}
    publisher.save_draft(made, content=table(rule("new", condition=condition)))

    found = trace(RuleSetVersion.objects.get(of=made, number=2), subject_id=anna.pk, now=NOON)

    assert found is not None
    assert [(each.depth, each.outcome, each.text) for each in found.rules[0].clauses] == [
        (0, "true", "who have not completed an order"),
        (0, "false", "at least one of these:"),
        (1, "false", "whose country is “DE”"),
        (1, "false", "not all of these:"),
        (2, "true", "whose country is “FR”"),
    ]


def test_who_cannot_be_reached_has_no_trace() -> None:
    made = two_versions()

    live = RuleSetVersion.objects.get(of=made, number=1)

    assert trace(live, subject_id=4711, now=NOON) is None


@pytest.mark.usefixtures("roles")
def test_the_page_shows_masked_samples_and_hides_values_from_a_marketer() -> None:
    anna = person(country="DE", first_name="Annabelle")
    made = two_versions()
    simulated(made)
    here = reverse("admin:personalization_ruleset_simulate", args=[made.pk])

    page = client_of("marketer").get(here).content.decode()
    one = client_of("analyst").get(here, {"customer": anna.pk}).content.decode()

    assert VIP in page
    assert "A***" in page
    assert "Annabelle" not in page + one
    assert "Values are hidden" in one
    assert "seen: D***" in one
    assert "seen: DE" not in one
    assert "decided" in one


@pytest.mark.usefixtures("roles")
def test_who_may_see_personal_data_sees_values_and_that_is_noted() -> None:
    anna = person(country="DE")
    made = two_versions()
    here = reverse("admin:personalization_ruleset_simulate", args=[made.pk])

    page = client_of("admin").get(here, {"customer": anna.pk}).content.decode()

    assert "seen: DE" in page
    assert AuditEntry.objects.filter(action="personal_data.view").exists()


@pytest.mark.usefixtures("roles")
def test_the_page_begins_a_job_finds_a_customer_and_stops() -> None:
    anna = person()
    made = two_versions()
    here = reverse("admin:personalization_ruleset_simulate", args=[made.pk])
    marketer, analyst = client_of("marketer"), client_of("analyst")

    refused = analyst.post(here, {"before": 1, "after": 2})
    marketer.post(here, {"before": 1, "after": 2})
    again = marketer.post(here, {"before": 1, "after": 2}, follow=True)
    job = Job.objects.get(kind=simulate.KIND)
    progress = json.loads(analyst.get(f"{here}progress/").content)
    found = analyst.post(here, {"find": "1", "term": "anna1@example.com"})
    nobody = analyst.post(here, {"find": "1", "term": "nobody@example.com"}, follow=True)
    marketer.post(here, {"stop": "1"})

    assert refused.status_code == 403
    assert "under way already" in again.content.decode()
    assert progress["is_going_on"]
    assert f"customer={anna.pk}" in found["Location"]
    assert "Nobody has exactly this address" in nobody.content.decode()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def made_ids() -> list[int]:
    return list(CustomerProfile.objects.values_list("pk", flat=True))


def test_a_rule_by_an_archived_segment_counts_for_nobody_and_says_so() -> None:
    anna = person(country="FR")
    segment("germans")
    made = two_versions()
    publisher.save_draft(
        made, content=table(rule("others", condition={"not": {"segment": "germans"}}))
    )
    assert counts(simulated(made)) == {(GENERAL, VIP): 1}

    Segment.objects.update(is_archived=True)

    assert counts(simulated(made)) == {(GENERAL, GENERAL): 1}
    traced = trace(RuleSetVersion.objects.get(of=made, number=2), subject_id=anna.pk, now=NOON)
    assert traced is not None
    (line,) = traced.rules
    assert (traced.is_fallback, line.is_hit, line.is_chosen) == (True, False, False)
    assert line.note == "does not apply: the segment “Segment germans” is archived"
