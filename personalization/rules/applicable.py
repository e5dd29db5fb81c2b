"""Leave out the rules whose condition cannot be decided any more: they hold for nobody.

The members of a broken segment are not vouched for, and a field that left the catalogue is absent,
so “not in it” and “not that” would otherwise be true of everybody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from personalization.conditions.fields import Catalogue, EventSpec, validate
from personalization.conditions.nodes import Node
from personalization.conditions.tree import needs
from personalization.rules.evaluate import (
    CompiledRuleSet,
    compile_ruleset,
    parse_ruleset,
    without,
)
from personalization.segments import health
from personalization.versions import Content


@dataclass(frozen=True, slots=True)
class Applicable:
    """`left_out` says by the key of a rule why it does not apply."""

    ruleset: CompiledRuleSet
    left_out: Mapping[str, str]


def applicable(content: Content, *, known: Catalogue) -> Applicable:
    """Compile a version as it may decide now (one query where rules ask for segments)."""
    compiled = compile_ruleset(parse_ruleset(content))
    trees = [line.rule.condition for line in compiled.lines]
    wrong = health.unusable(frozenset[str]().union(*(needs(tree).segments for tree in trees)))
    reasons = {
        line.rule.key: "; ".join(_reasons(line.rule.condition, known=known, wrong=wrong))
        for line in compiled.lines
    }
    left_out = {key: reason for key, reason in reasons.items() if reason}
    return Applicable(without(compiled, rules=left_out) if left_out else compiled, left_out)


def _reasons(node: Node, *, known: Catalogue, wrong: Mapping[str, str]) -> Iterator[str]:
    asked = needs(node)
    # An event that left the catalogue is one that nobody does any more: that can be decided.
    events = {name: EventSpec(name, name) for name in asked.events} | {**known.events}
    for fault in validate(node, replace(known, events=events, segments=None)):
        yield fault.message
    for slug in sorted(asked.segments & wrong.keys()):
        yield wrong[slug]
