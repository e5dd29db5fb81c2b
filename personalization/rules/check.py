"""Look at a ruleset as an editor has it now: faults, findings at their rules, whom each reaches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from personalization.conditions.fields import FieldSpec
from personalization.conditions.tree import TreeError, needs, parse
from personalization.models import Segment
from personalization.profiles import catalogue
from personalization.rules.analyse import analyse
from personalization.rules.evaluate import RuleSetDefinition, parse_ruleset
from personalization.rules.publish import prepare
from personalization.rules.reach import Reach, reach
from personalization.segments import health
from personalization.segments.nesting import circle_within
from personalization.versions import Content, ContentInvalid, Problem

_MEND_SEGMENT = "Put the segment live or mend it, or take it out of the rule."


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding as an editor shows it, at the first of its rules."""

    kind: str
    keys: tuple[str, ...]
    text: str
    mend: str
    example: tuple[str, ...] = ()
    is_fault: bool = True


@dataclass(frozen=True, slots=True)
class Checked:
    """With `problems` of form nothing else can be said; a missing block still lets it."""

    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    reach: Reach | None = None


def check(content: Content, *, now: datetime) -> Checked:
    """Say all that can be said before anything is saved."""
    problems = tuple(_problems(content))
    try:
        definition = parse_ruleset(content)
    except TreeError:
        return Checked(problems=problems)
    if any(".condition" in problem.path for problem in problems):
        return Checked(problems=problems)
    asked = (needs(rule.condition).segments for rule in definition.rules)
    wrong = health.unusable(frozenset[str]().union(*asked))
    return Checked(
        problems=problems,
        remarks=(*_of_segments(definition, wrong=wrong), *_findings(definition, now=now)),
        reach=reach(_without_wrong(definition, wrong=wrong), now=now),
    )


def _problems(content: Content) -> list[Problem]:
    try:
        prepare(content)
    except ContentInvalid as invalid:
        return invalid.problems
    return []


def _findings(definition: RuleSetDefinition, *, now: datetime) -> Iterator[Remark]:
    fields = catalogue.load().fields
    listed = {path for path, spec in fields.items() if spec.type == "list"}
    for found in analyse(definition, now=now, listed=listed):
        yield Remark(
            kind=found.kind,
            keys=found.keys,
            text=found.text,
            mend=found.mend,
            example=tuple(_in_words(each, fields=fields) for each in found.example),
            is_fault=found.is_fault,
        )


def _in_words(phrase: str, *, fields: Mapping[str, FieldSpec]) -> str:
    """Name a field as the editor does: “days since the last order is 31”."""
    path, _, rest = phrase.partition(" ")
    return f"{fields[path].label.lower()} {rest}" if path in fields else phrase


def _without_wrong(definition: RuleSetDefinition, *, wrong: Mapping[str, str]) -> RuleSetDefinition:
    """Count as it is decided: a rule by a segment that cannot be used holds for nobody."""
    sound = (rule for rule in definition.rules if not needs(rule.condition).segments & wrong.keys())
    return replace(definition, rules=tuple(sound))


def _of_segments(definition: RuleSetDefinition, *, wrong: Mapping[str, str]) -> Iterator[Remark]:
    """Name the rules that ask for a segment nobody may use, or that is in itself."""
    wanted = {rule.key: needs(rule.condition).segments for rule in definition.rules}
    if not any(wanted.values()):
        return
    within = {
        segment.slug: needs(parse(segment.live.content["tree"])).segments
        for segment in Segment.objects.exclude(live=None).select_related("live")
        if segment.live is not None
    }
    for rule in definition.rules:
        for slug in sorted(wanted[rule.key]):
            if way := circle_within(slug, inner=lambda at: within.get(at, ())):
                text = f"“{rule.name}” asks for a segment that contains itself: {' → '.join(way)}."
                mend = "Leave one of these segments out of another."
                yield Remark("segment_cycle", (rule.key,), text, mend)
            elif slug in wrong:
                text = f"“{rule.name}” holds for nobody: {wrong[slug]}."
                yield Remark("segment_not_live", (rule.key,), text, _MEND_SEGMENT)
