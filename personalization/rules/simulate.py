"""Try a version of a ruleset against another one: on everybody as a job, or on one customer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from consent import gate, jobs
from consent.models import Job
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import NOTHING, Needs, needs
from personalization.models import CustomerProfile, RuleSet, RuleSetVersion
from personalization.profiles import catalogue, load
from personalization.rules import choices
from personalization.rules.applicable import applicable
from personalization.rules.evaluate import CompiledRuleSet, evaluate
from personalization.rules.wording import Called, all_in_words

KIND = "simulate_ruleset"
CHUNK = 500
# Sample customers kept for each change.
SAMPLES = 5
# Pairs of outcomes a page can show; the numbers above them count all.
PAIRS_AT_MOST = 60
# A chunk takes a second at most; whose worker says nothing for so long has none any more.
SILENCE = timedelta(minutes=2)
# A permission names all that is granted, whatever it was asked for.
PURPOSE = "email_marketing"


@dataclass(slots=True)
class Tally:
    """How many people get what, before and after; `samples` holds some of those who change."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, subject_id: int, *, before: str, after: str) -> None:
        pair = (before, after)
        self.counts[pair] += 1
        if before != after:
            kept = self.samples.setdefault(pair, [])
            if len(kept) < SAMPLES:
                kept.append(subject_id)

    def figures(self) -> dict[str, Any]:
        changed = {pair: n for pair, n in self.counts.items() if pair[0] != pair[1]}
        ordered = sorted(self.counts.items(), key=lambda item: -item[1])
        return {
            "people": sum(self.counts.values()),
            "changed": sum(changed.values()),
            "pairs": [
                {
                    "before": before,
                    "after": after,
                    "count": count,
                    "samples": self.samples.get((before, after), []),
                }
                for (before, after), count in ordered[:PAIRS_AT_MOST]
            ],
            "more_pairs": max(0, len(ordered) - PAIRS_AT_MOST),
        }


def ask(ruleset: RuleSet, *, before: int, after: int, actor: AbstractBaseUser | None = None) -> Job:
    """Queue a simulation of two versions, by their numbers."""
    cursor: dict[str, object] = {"ruleset": ruleset.pk, "before": before, "after": after}
    label = f"Simulate {ruleset}: version {after} against {before}"
    return jobs.create(KIND, label=label[:200], actor=actor, cursor=cursor)


def latest(ruleset: RuleSet) -> Job | None:
    return Job.objects.filter(kind=KIND, cursor__ruleset=ruleset.pk).first()


def is_going_on(job: Job | None, *, now: datetime) -> bool:
    """Say whether a job waits or runs; one without a sign of life lost its worker."""
    if job is None or job.state not in (Job.State.QUEUED, Job.State.RUNNING):
        return False
    return job.state == Job.State.QUEUED or job.beat_at is None or now - job.beat_at < SILENCE


def run(job_id: int, *, now: datetime) -> None:
    """Decide for everybody twice; nothing is reserved, shown or sent. A cancel keeps the figures.

    Everybody is who can be reached at all: not erased, with an address.
    """
    job = Job.objects.get(pk=job_id)
    with jobs.run(job) as progress:
        cursor = dict(job.cursor)
        known, called = catalogue.load(), choices.called()
        before, after = (
            _Side(_compiled(cursor, cursor[side], known=known), called)
            for side in ("before", "after")
        )
        tally = Tally()
        job.done = 0
        progress.result(**tally.figures())
        progress.expect(CustomerProfile.objects.count())
        for ids in _chunks():
            for subject_id, facts in _facts(ids, rulesets=(before.ruleset, after.ruleset), now=now):
                tally.add(
                    subject_id, before=before.shown(facts, now), after=after.shown(facts, now)
                )
            progress.result(**tally.figures())
            progress.advance(len(ids))


def _compiled(cursor: dict[str, Any], number: Any, *, known: Catalogue) -> CompiledRuleSet:
    version = RuleSetVersion.objects.get(of=cursor["ruleset"], number=number)
    return applicable(version.content, known=known).ruleset


@dataclass(slots=True)
class _Side:
    """One of the two versions; each of its outcomes is said in words once, not for each person."""

    ruleset: CompiledRuleSet
    called: Called
    _words: dict[tuple[str, ...], str] = field(default_factory=dict)

    def shown(self, facts: Facts, now: datetime) -> str:
        decision = evaluate(self.ruleset, facts, now)
        key = tuple(rule.key for rule in decision.hits)
        if key not in self._words:
            outcomes = [rule.outcome for rule in decision.hits] or [decision.outcome]
            self._words[key] = all_in_words(outcomes, called=self.called)
        return self._words[key]


def _chunks() -> Iterator[list[int]]:
    last = 0
    people = CustomerProfile.objects.order_by("pk").values_list("pk", flat=True)
    while ids := list(people.filter(pk__gt=last)[:CHUNK]):
        yield ids
        last = ids[-1]


def _facts(
    ids: Sequence[int], *, rulesets: Sequence[CompiledRuleSet], now: datetime
) -> Iterator[tuple[int, Facts]]:
    """Load a chunk as a send would, consents applied."""
    loaded = load.profiles(
        gate.permissions(ids, purpose=PURPOSE, at=now),
        needs=needs_of(rulesets),
        catalogue=catalogue.load(),
        now=now,
        with_history=False,
    )
    yield from ((profile.subject_id, profile.facts) for profile in loaded)


def needs_of(rulesets: Sequence[CompiledRuleSet]) -> Needs:
    trees = [rule.condition for each in rulesets for rule in each.definition.rules]
    return reduce(Needs.union, map(needs, trees), NOTHING)
