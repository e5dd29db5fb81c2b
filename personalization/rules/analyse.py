"""Look for faults in a ruleset before it decides: rules that never hold, hide others, or clash."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from personalization.conditions.nodes import AllOf, AnyOf, Node, Not
from personalization.rules.regions import Field, Measured, Region, Thing, TooComplex
from personalization.rules.ruleset import Rule, RuleSetDefinition
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


def analyse(definition: RuleSetDefinition, *, now: datetime) -> list[Finding]:
    """Return what is found, in the order the rules are asked; what is claimed is certain.

    Active periods count: a rule is only hidden by rules that are active whenever it is.
    """
    rules = sorted((r for r in definition.rules if r.is_enabled), key=lambda r: r.priority)
    return list(_Analysis(rules, is_first=definition.hit_policy == "first", now=now).findings())


class _Analysis:
    def __init__(self, rules: Sequence[Rule], *, is_first: bool, now: datetime) -> None:
        self._rules = rules
        self._is_first = is_first
        self._now = now
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
        return witness(AllOf(nodes), now=self._now)

    def _about(self, index: int) -> Iterator[Finding]:
        rule = self._rules[index]
        if self._witness(rule.condition) is None:
            self._dead.add(rule.key)
            text = f"“{rule.name}” never holds: its conditions exclude each other."
            yield Finding(Kind.NEVER, (rule.key,), text)
            return
        if self._is_first and self._is_shadowed(index):
            self._dead.add(rule.key)
            hiding = [r for r in self._rules[:index] if _covers(r, rule)]
            one = next((r for r in hiding if self._implies(rule, r)), None)
            by = f"“{one.name}”" if one else "the rules before it"
            text = f"“{rule.name}” is never reached: {by} already decided for everybody it fits."
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
        if earlier.outcome == rule.outcome or not _meet(earlier, rule):
            return
        both = self._witness(earlier.condition, rule.condition)
        if both is None:
            return
        keys = (rule.key, earlier.key)
        if not self._is_first and self._implies(rule, earlier) and self._implies(earlier, rule):
            text = (
                f"“{earlier.name}” and “{rule.name}” fit the same people and say different things."
            )
            yield Finding(Kind.CONFLICT, keys, text, in_words(both))
            return
        text = f"Some people fit both “{earlier.name}” and “{rule.name}”: the first one decides."
        yield Finding(Kind.OVERLAP, keys, text, in_words(both))

    def _unreachable(self) -> Iterator[Finding]:
        alive = [rule.outcome for rule in self._rules if rule.key not in self._dead]
        for rule in self._rules:
            if rule.key in self._dead and rule.outcome not in alive:
                text = f"Nobody can get what “{rule.name}” shows."
                yield Finding(Kind.UNREACHABLE, (rule.key,), text)

    def _gap(self) -> Iterator[Finding]:
        always = [r for r in self._rules if r.active_from is None and r.active_until is None]
        left = witness(Not(AnyOf(tuple(rule.condition for rule in always))), now=self._now)
        if left is not None:
            text = "Some people fit no rule and get the fallback."
            yield Finding(Kind.GAP, (), text, in_words(left))


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
            return f"{kind} of {events.name}{span} is {region.sample}"
        case _:
            name = getattr(thing, "slug", "the sequence")
            return f"{'in' if region.sample else 'not in'} {name}"
