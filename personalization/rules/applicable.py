"""Leave out the rules that ask for a segment nobody may use: they hold for nobody.

The members of a broken segment are not vouched for, so “not in it” would be true of everybody.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from personalization.conditions.tree import needs
from personalization.models import Segment
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


def applicable(content: Content) -> Applicable:
    """Compile a version as it may decide now (one query where rules ask for segments)."""
    compiled = compile_ruleset(parse_ruleset(content))
    asked = {line.rule.key: needs(line.rule.condition).segments for line in compiled.lines}
    wrong = _unusable(frozenset().union(*asked.values()))
    left_out = {
        key: "; ".join(wrong[slug] for slug in sorted(slugs) if slug in wrong)
        for key, slugs in asked.items()
        if not wrong.keys().isdisjoint(slugs)
    }
    return Applicable(without(compiled, rules=left_out) if left_out else compiled, left_out)


def _unusable(slugs: Collection[str]) -> dict[str, str]:
    if not slugs:
        return {}
    known = {segment.slug: segment for segment in Segment.objects.filter(slug__in=slugs)}
    found = {slug: _wrong(slug, known.get(slug)) for slug in slugs}
    return {slug: reason for slug, reason in found.items() if reason}


def _wrong(slug: str, segment: Segment | None) -> str:
    if segment is None:
        return f"there is no segment “{slug}”"
    if segment.is_archived:
        return f"the segment “{segment.name}” is archived"
    if segment.live_id is None and segment.kind == Segment.Kind.CONDITION:
        return f"the segment “{segment.name}” has no live version"
    if segment.broken_since is not None:
        return f"the segment “{segment.name}” is broken ({health.first(segment)})"
    return ""
