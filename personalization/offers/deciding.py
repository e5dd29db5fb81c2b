"""Decide with offers: where one cannot be given its rule does not apply; the next one decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from personalization.offers.desk import Desk, Wish
from personalization.offers.reserve import Answer
from personalization.offers.terms import Terms
from personalization.profiles.loaded import LoadedProfile
from personalization.rules.evaluate import CompiledRuleSet, Decision, evaluate, without
from personalization.rules.ruleset import Outcome

# By the slot's name.
Decisions = Mapping[str, Decision]
GONE = Answer(refusal="gone")


class Withheld(NamedTuple):
    """A rule that held, and why its offer could not be given."""

    rule: str
    offer: str
    reason: str

    def told(self) -> dict[str, str]:
        return {"rule": self.rule, "offer": self.offer, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Settled:
    """What one person gets in the end: decisions, offers by their slug, rules that gave way."""

    decisions: Decisions
    offers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    withheld: Mapping[str, tuple[Withheld, ...]] = field(default_factory=dict)


def settle(
    decided: Sequence[tuple[LoadedProfile, Decisions]],
    *,
    rulesets: Mapping[str, CompiledRuleSet],
    offers: Mapping[str, Terms],
    desk: Desk,
    now: datetime,
) -> list[Settled]:
    """Ask for the offers of all people at once; again only for those who were refused one."""
    batch = _Batch(rulesets=rulesets, offers=offers, now=now)
    people = [_Person(profile, dict(decisions)) for profile, decisions in decided]
    open_ = people
    while open_:
        batch.ask(open_, desk=desk)
        open_ = [person for person in open_ if batch.decide_again(person)]
    desk.close([wish for person in people for wish in batch.used(person)])
    return [batch.settled(person) for person in people]


def offers_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the offers that outcomes name, each once."""
    named = (str(outcome["offer"]) for outcome in outcomes if outcome.get("offer"))
    return list(dict.fromkeys(named))


@dataclass(slots=True)
class _Person:
    profile: LoadedProfile
    decisions: dict[str, Decision]
    answers: dict[str, Answer] = field(default_factory=dict)
    withheld: dict[str, list[Withheld]] = field(default_factory=dict)

    def wanted(self) -> list[str]:
        return offers_of(
            rule.outcome for decision in self.decisions.values() for rule in decision.hits
        )


@dataclass(slots=True)
class _Batch:
    rulesets: Mapping[str, CompiledRuleSet]
    offers: Mapping[str, Terms]
    now: datetime
    _reduced: dict[tuple[str, frozenset[str]], CompiledRuleSet] = field(default_factory=dict)

    def ask(self, people: Sequence[_Person], *, desk: Desk) -> None:
        asked: list[tuple[_Person, str]] = []
        for person in people:
            for slug in person.wanted():
                if slug not in self.offers:
                    person.answers[slug] = GONE
                elif slug not in person.answers:
                    asked.append((person, slug))
        wishes = [(person.profile.subject_id, self.offers[slug].id) for person, slug in asked]
        answers = desk.answer(wishes) if wishes else []
        for (person, slug), answer in zip(asked, answers, strict=True):
            person.answers[slug] = answer

    def decide_again(self, person: _Person) -> bool:
        """Decide slots anew whose rule gave way; say whether anything is to be asked for again."""
        refused = frozenset(slug for slug, each in person.answers.items() if each.refusal)
        changed = False
        for name, decision in person.decisions.items():
            given_way = [rule for rule in decision.hits if rule.outcome.get("offer") in refused]
            if not given_way:
                continue
            changed = True
            person.withheld.setdefault(name, []).extend(
                Withheld(rule.key, slug, person.answers[slug].refusal)
                for rule in given_way
                for slug in [str(rule.outcome["offer"])]
            )
            # Only by what this slot's own rules gave way for: a replay knows no more.
            ruleset = self._without(name, frozenset(each.offer for each in person.withheld[name]))
            person.decisions[name] = evaluate(ruleset, person.profile.facts, self.now)
        return changed

    def used(self, person: _Person) -> list[Wish]:
        return [
            (person.profile.subject_id, self.offers[slug].id)
            for slug in person.wanted()
            if not person.answers[slug].refusal
        ]

    def settled(self, person: _Person) -> Settled:
        return Settled(
            decisions=person.decisions,
            offers={
                slug: self.offers[slug].for_reader(person.answers[slug].code)
                for slug in person.wanted()
            },
            withheld={name: tuple(each) for name, each in person.withheld.items()},
        )

    def _without(self, name: str, refused: frozenset[str]) -> CompiledRuleSet:
        key = (name, refused)
        if key not in self._reduced:
            self._reduced[key] = without(self.rulesets[name], offers=refused)
        return self._reduced[key]
