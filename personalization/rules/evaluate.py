"""Decide by a decision table: compile it once, then find the outcome for one person."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from personalization.conditions.facts import Facts
from personalization.conditions.to_python import Predicate, compile_tree
from personalization.rules.parsing import RuleSetError, parse_ruleset
from personalization.rules.ruleset import Outcome, Rule, RuleSetDefinition

__all__ = [
    "CompiledRuleSet",
    "Decision",
    "Outcome",
    "Rule",
    "RuleSetDefinition",
    "RuleSetError",
    "compile_ruleset",
    "evaluate",
    "fallback",
    "parse_ruleset",
    "without",
]

Trace = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    rule: Rule
    holds: Predicate
    # None: always active, so that most lines cost no look at the clock.
    period: Rule | None


@dataclass(frozen=True, slots=True)
class CompiledRuleSet:
    definition: RuleSetDefinition
    lines: tuple[_Line, ...] = field(repr=False)
    # What is decided if a line is the first that holds; the last if none does.
    firsts: tuple["Decision", ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows, from which rule, and which rules were asked on the way.

    `rule_key` is None for the fallback. `hits` holds every rule that decided: one, or all of
    them under `collect`, where `outcome` is that of the first.
    """

    rule_key: str | None
    rule_name: str
    outcome: Outcome
    is_fallback: bool
    considered: Trace
    hits: tuple[Rule, ...] = ()
    # With what probability this person was to see this; below 1 only where rules explore.
    probability: float = 1.0
    is_explored: bool = False


def compile_ruleset(definition: RuleSetDefinition) -> CompiledRuleSet:
    """Closures for the enabled rules in the order they are asked; do it once per version."""
    lines = tuple(
        _Line(
            rule=rule,
            holds=compile_tree(rule.condition),
            period=rule if rule.active_from or rule.active_until else None,
        )
        for rule in sorted(definition.rules, key=lambda rule: rule.priority)
        if rule.is_enabled
    )
    return _of_lines(definition, lines)


def without(
    compiled: CompiledRuleSet, *, offers: Collection[str] = (), rules: Collection[str] = ()
) -> CompiledRuleSet:
    """Leave out the rules that give one of these offers, and those with one of these keys."""
    lines = (
        line
        for line in compiled.lines
        if line.rule.outcome.get("offer") not in offers and line.rule.key not in rules
    )
    return _of_lines(compiled.definition, tuple(lines))


def _of_lines(definition: RuleSetDefinition, lines: tuple[_Line, ...]) -> CompiledRuleSet:
    missed = tuple((line.rule.key, False) for line in lines)
    firsts = (
        _decided((line.rule,), considered=(*missed[:index], (line.rule.key, True)))
        for index, line in enumerate(lines)
    )
    last = _fallback(definition, considered=missed)
    return CompiledRuleSet(definition=definition, lines=lines, firsts=(*firsts, last))


def evaluate(compiled: CompiledRuleSet, facts: Facts, now: datetime) -> Decision:
    if compiled.definition.hit_policy == "first":
        return _first(compiled, facts, now)
    return _of_all(compiled, facts, now)


def fallback(compiled: CompiledRuleSet) -> Decision:
    """Decide without asking any rule: for nobody in particular, or where there is no time."""
    return _fallback(compiled.definition, considered=())


def _first(compiled: CompiledRuleSet, facts: Facts, now: datetime) -> Decision:
    for index, line in enumerate(compiled.lines):
        period = line.period
        if (period is None or period.is_active(now)) and line.holds(facts, now):
            return compiled.firsts[index]
    return compiled.firsts[-1]


def _of_all(compiled: CompiledRuleSet, facts: Facts, now: datetime) -> Decision:
    considered = tuple(
        (line.rule.key, line.rule.is_active(now) and line.holds(facts, now))
        for line in compiled.lines
    )
    hits = tuple(
        line.rule for line, (_, is_hit) in zip(compiled.lines, considered, strict=True) if is_hit
    )
    if not hits:
        return _fallback(compiled.definition, considered=considered)
    if compiled.definition.hit_policy == "collect":
        return _decided(hits, considered=considered)
    return _decided((max(hits, key=_worth),), considered=considered)


def _worth(rule: Rule) -> float:
    """The value of an outcome; of equal ones max() keeps the first, which has priority."""
    value = rule.outcome["value"]
    return value if isinstance(value, int | float) else 0


def _decided(hits: tuple[Rule, ...], *, considered: Trace) -> Decision:
    first = hits[0]
    return Decision(
        rule_key=first.key,
        rule_name=first.name,
        outcome=first.outcome,
        is_fallback=False,
        considered=considered,
        hits=hits,
    )


def _fallback(definition: RuleSetDefinition, *, considered: Trace) -> Decision:
    return Decision(
        rule_key=None,
        rule_name="Fallback",
        outcome=definition.fallback,
        is_fallback=True,
        considered=considered,
    )
