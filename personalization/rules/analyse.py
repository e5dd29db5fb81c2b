"""Look for faults in a ruleset before it decides: rules that never hold, hide others, or clash."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from personalization.conditions.nodes import AllOf, AnyOf, Node, Not
from personalization.rules.regions import Field, Measured, Region, Thing, TooComplex
from personalization.rules.ruleset import HitPolicy, Rule, RuleSetDefinition
from personalization.rules.satisfy import Witness, witness


class Kind(StrEnum):
    NEVER = "never"  # holds for nobody
    ALWAYS = "always"  # holds for everybody
    SHADOWED = "shadowed"  # whoever it holds for, an earlier rule decided already
    CONFLICT = "conflict"  # the same people, another outcome
    OVERLAP = "overlap"  # some people fit both, so the order decides
    GAP = "gap"  # some people fit no rule and get the fallback
    UNREACHABLE = "unreachable"  # an outcome nobody can get
    UNKNOWN = "unknown"  # too complex to tell


@dataclass(frozen=True, slots=True)
class Finding:
    """`keys` are those of the rules concerned, the one to look at first; `example` describes a
    person, in words, for whom it is so."""

    kind: Kind
    keys: tuple[str, ...]
    text: str
    example: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        """Overlaps and gaps are often meant; the others hardly ever are."""
        return self.kind not in (Kind.OVERLAP, Kind.GAP, Kind.UNKNOWN)

    @property
    def mend(self) -> str:
        """Say what to do about it."""
        return MENDS[self.kind]


MENDS = {
    Kind.NEVER: "Take out one of the conditions that exclude each other, or delete the rule.",
    Kind.ALWAYS: "If that is meant, put it last; otherwise add a condition.",
    Kind.SHADOWED: "Move it above the rule that decides before it, or narrow that one.",
    Kind.CONFLICT: "Keep one of the two, or add a condition that tells their people apart.",
    Kind.OVERLAP: "Fine if the order is meant; otherwise move one, or add a condition.",
    Kind.GAP: "Fine if the fallback is meant for them; otherwise add a rule for them.",
    Kind.UNREACHABLE: "Mend or delete the rules that should show it.",
    Kind.UNKNOWN: "Split it into simpler rules if you want it checked.",
}


def analyse(
    definition: RuleSetDefinition, *, now: datetime, listed: Set[str] = frozenset()
) -> list[Finding]:
    """Return what is found, in the order the rules are asked; what is claimed is certain.

    Active periods count: a rule is only hidden by rules that are active whenever it is. `listed`
    are the fields that hold lists.
    """
    policy = definition.hit_policy
    rules = sorted((r for r in definition.rules if r.is_enabled), key=partial(_rank, policy))
    return list(_Analysis(rules, policy=policy, now=now, listed=listed).findings())


def _rank(policy: HitPolicy, rule: Rule) -> tuple[float, int]:
    """Order rules so that of two that hold the one in front decides."""
    value = rule.outcome.get("value") if policy == "highest_value" else 0
    return (-value if isinstance(value, int | float) else 0, rule.priority)


class _Analysis:
    def __init__(
        self, rules: Sequence[Rule], *, policy: HitPolicy, now: datetime, listed: Set[str]
    ) -> None:
        self._rules = rules
        # Under `collect` all rules that hold have their say; otherwise one hides the others.
        self._one_decides = policy != "collect"
        self._by_value = policy == "highest_value"
        self._now = now
        self._listed = listed
        self._dead: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        for index, rule in enumerate(self._rules):
            yield from self._asked(rule, partial(self._about, index))
        yield from self._unreachable()
        if self._rules:
            yield from self._asked(self._rules[-1], self._gap)

    def _asked(self, rule: Rule, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
        try:
            return list(look())
        except TooComplex as reason:
            text = f"“{rule.name}” could not be checked against all others: {reason}."
            return [Finding(Kind.UNKNOWN, (rule.key,), text)]

    def _witness(self, *nodes: Node) -> Witness | None:
        return witness(AllOf(nodes), now=self._now, listed=self._listed)

    def _about(self, index: int) -> Iterator[Finding]:
        rule = self._rules[index]
        if self._witness(rule.condition) is None:
            self._dead.add(rule.key)
            text = f"“{rule.name}” never holds: its conditions exclude each other."
            yield Finding(Kind.NEVER, (rule.key,), text)
            return
        if self._one_decides and self._is_shadowed(index):
            self._dead.add(rule.key)
            hiding = [r for r in self._rules[:index] if _covers(r, rule)]
            one = next((r for r in hiding if self._implies(rule, r)), None)
            by = f"“{one.name}”" if one else "the rules before it"
            text = f"“{rule.name}” is never reached: {by} already decided for everybody it fits."
            if self._by_value:
                by = f"“{one.name}”" if one else "rules"
                text = f"“{rule.name}” never wins: {by} of more value fit everybody it fits."
            yield Finding(Kind.SHADOWED, (rule.key, *([one.key] if one else ())), text)
            return
        if self._witness(Not(rule.condition)) is None and len(self._rules) > 1:
            text = f"“{rule.name}” holds for everybody."
            yield Finding(Kind.ALWAYS, (rule.key,), text)
        for earlier in self._rules[:index]:
            if earlier.key not in self._dead:
                yield from self._pair(earlier, rule)

    def _is_shadowed(self, index: int) -> bool:
        rule = self._rules[index]
        earlier = [Not(r.condition) for r in self._rules[:index] if _covers(r, rule)]
        return bool(earlier) and self._witness(rule.condition, *earlier) is None

    def _implies(self, one: Rule, other: Rule) -> bool:
        return self._witness(one.condition, Not(other.condition)) is None

    def _pair(self, earlier: Rule, rule: Rule) -> Iterator[Finding]:
        if _shows(earlier) == _shows(rule) or not _meet(earlier, rule):
            return
        both = self._witness(earlier.condition, rule.condition)
        if both is None:
            return
        keys = (rule.key, earlier.key)
        if not self._one_decides and self._implies(rule, earlier) and self._implies(earlier, rule):
            text = (
                f"“{earlier.name}” and “{rule.name}” fit the same people and say different things."
            )
            yield Finding(Kind.CONFLICT, keys, text, in_words(both))
            return
        names = f"“{earlier.name}” and “{rule.name}”"
        decides = "the first one decides" if self._one_decides else "they get what both say"
        if self._by_value:
            decides = f"“{earlier.name}” decides, by its value or its place"
        yield Finding(
            Kind.OVERLAP, keys, f"Some people fit both {names}: {decides}.", in_words(both)
        )

    def _unreachable(self) -> Iterator[Finding]:
        alive = [_shows(rule) for rule in self._rules if rule.key not in self._dead]
        for rule in self._rules:
            if rule.key in self._dead and _shows(rule) not in alive:
                text = f"Nobody can get what “{rule.name}” shows."
                yield Finding(Kind.UNREACHABLE, (rule.key,), text)

    def _gap(self) -> Iterator[Finding]:
        always = [r for r in self._rules if r.active_from is None and r.active_until is None]
        left = self._witness(Not(AnyOf(tuple(rule.condition for rule in always))))
        if left is not None:
            text = "Some people fit no rule and get the fallback."
            yield Finding(Kind.GAP, (), text, in_words(left))


def _shows(rule: Rule) -> dict[str, object]:
    """What a reader sees of an outcome; its value is for comparing only."""
    return {name: each for name, each in rule.outcome.items() if name != "value"}


def _covers(earlier: Rule, rule: Rule) -> bool:
    """Say whether the earlier rule is active whenever the other one is."""
    begins = earlier.active_from is None or (
        rule.active_from is not None and earlier.active_from <= rule.active_from
    )
    ends = earlier.active_until is None or (
        rule.active_until is not None and earlier.active_until >= rule.active_until
    )
    return begins and ends


def _meet(one: Rule, other: Rule) -> bool:
    """Say whether both are active at some moment."""
    return not (_ends_before(one, other) or _ends_before(other, one))


def _ends_before(one: Rule, other: Rule) -> bool:
    return (
        one.active_until is not None
        and other.active_from is not None
        and one.active_until <= other.active_from
    )


def in_words(found: Witness) -> tuple[str, ...]:
    """Describe the person a search came up with, a phrase for each thing that matters."""
    return tuple(_phrase(thing, region) for thing, region in found.items())


def _phrase(thing: Thing, region: Region) -> str:
    match thing:
        case Field(path=path):
            if region.sample is None:
                return f"{path} is unknown"
            return f"{path} is {'something else' if region.sample == '…' else region.sample}"
        case Measured(match=events, kind=kind, within=within):
            span = f" within {within.delta.days} days" if within else ""
            if kind == "count":
                often = f"{region.sample} times" if region.sample else "never"
                return f"{events.name} {often}{span}"
            return f"{kind} of {events.name}{span} is {region.sample}"
        case _:
            name = getattr(thing, "slug", "the sequence")
            return f"{'in' if region.sample else 'not in'} {name}"
