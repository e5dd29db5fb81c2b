"""Say of each part of a tree whether it holds for one person, and what was seen there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from personalization.conditions import history
from personalization.conditions.describe import describe_part, describe_step
from personalization.conditions.errors import join
from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.fields import Catalogue
from personalization.conditions.nodes import (
    AllOf,
    AnyOf,
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    Node,
    Not,
    Sequence,
)
from personalization.conditions.to_python import compile_filter, compile_steps, compile_tree

Outcome = Literal["true", "false", "absent"]
# How the parts of a node are joined; a node without parts is single.
Kind = Literal["single", "all", "any", "not", "sequence"]
_NOWHERE = Catalogue(fields={}, events={})
_AGELESS: Mapping[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One node: its clause, how it came out, and the value or event it came out by.

    `absent` is false for want of data; of a step of a sequence, for want of the step before.
    `seen` is the person's value, count, sum or moment; `at` is when the last matching event was,
    since when the value is what it is, or since when the person is in the segment. Both are
    personal data.
    """

    path: str
    text: str
    outcome: Outcome
    seen: object = None
    at: datetime | None = None
    children: tuple["Explanation", ...] = ()
    kind: Kind = "single"


def explain(
    node: Node,
    *,
    facts: Facts,
    now: datetime,
    catalogue: Catalogue = _NOWHERE,
    ages: Mapping[str, datetime] = _AGELESS,
) -> Explanation:
    """Explain each node; `ages` are by field, and of segments by `segment_path`."""
    return _explain(node, path="", facts=facts, now=now, catalogue=catalogue, ages=ages)


def segment_path(slug: str) -> str:
    """Return the name under which the age of a membership is given."""
    return f"segments.{slug}"


def _explain(
    node: Node,
    *,
    path: str,
    facts: Facts,
    now: datetime,
    catalogue: Catalogue,
    ages: Mapping[str, datetime],
) -> Explanation:
    children = tuple(
        _explain(child, path=join(path, key), facts=facts, now=now, catalogue=catalogue, ages=ages)
        for key, child in _children(node)
    )
    if isinstance(node, Sequence):
        children = tuple(_steps(node, path=path, facts=facts, now=now, catalogue=catalogue))
    is_true = compile_tree(node)(facts, now)
    seen, at = _seen(node, facts=facts, now=now, ages=ages)
    outcome: Outcome = "true" if is_true else "false"
    if not is_true and seen is None and isinstance(node, Compare | Happened):
        outcome = "absent"
    return Explanation(
        path=path,
        text=describe_part(node, catalogue=catalogue),
        outcome=outcome,
        seen=seen,
        at=at,
        children=children,
        kind=_kind(node),
    )


def _kind(node: Node) -> Kind:
    match node:
        case AllOf():
            return "all"
        case AnyOf():
            return "any"
        case Not():
            return "not"
        case Sequence():
            return "sequence"
        case _:
            return "single"


def _children(node: Node) -> list[tuple[str, Node]]:
    match node:
        case AllOf(children=children):
            return [(f"all[{index}]", child) for index, child in enumerate(children)]
        case AnyOf(children=children):
            return [(f"any[{index}]", child) for index, child in enumerate(children)]
        case Not(child=child):
            return [("not", child)]
        case _:
            return []


def _steps(
    node: Sequence, *, path: str, facts: Facts, now: datetime, catalogue: Catalogue
) -> Iterator[Explanation]:
    """Each step: whether it followed the one before, and how often its event was at all."""
    reached = compile_steps(node)(facts, now)
    for index, step in enumerate(node.steps):
        events = _matching(step.match, within=node.within, facts=facts, now=now)
        yield Explanation(
            path=join(path, f"sequence[{index}]"),
            text=describe_step(step, catalogue=catalogue).removeprefix("" if index else "then "),
            outcome="true" if index < reached else "false" if index == reached else "absent",
            seen=len(events),
            at=history.edge(events, kind="last"),
        )


def _seen(
    node: Node, *, facts: Facts, now: datetime, ages: Mapping[str, datetime]
) -> tuple[object, datetime | None]:
    match node:
        case Compare(field=path):
            # The age of a value that must not be known is not told either.
            value = facts.values.get(path)
            return value, ages.get(path) if value is not None else None
        case InSegment(slug=slug):
            is_in = slug in facts.segments
            return is_in, ages.get(segment_path(slug)) if is_in else None
        case Happened(match=match, within=within):
            events = _matching(match, within=within, facts=facts, now=now)
            return _measured(node, events), history.edge(events, kind="last")
        case Sequence(steps=steps, within=within):
            # Without the first step nothing could follow, so that is what is shown.
            events = _matching(steps[0].match, within=within, facts=facts, now=now)
            return len(events), history.edge(events, kind="last")
        case Not(child=Compare() | InSegment() | Happened() | Sequence() as child):
            # Turned around it looks at the same.
            return _seen(child, facts=facts, now=now, ages=ages)
        case _:
            return None, None


def _matching(
    match: EventMatch, *, within: Duration | None, facts: Facts, now: datetime
) -> list[EventFact]:
    after = now - within.delta if within is not None else None
    events = facts.events.get(match.name, ())
    return compile_filter(match).matching(events, after=after, now=now)


def _measured(node: Happened, events: list[EventFact]) -> object:
    measure = node.measure
    if measure.kind == "count":
        return len(events)
    if measure.kind in ("first", "last"):
        return history.edge(events, kind=measure.kind)
    found = history.total(events, of=measure.property or "")
    if measure.kind == "sum":
        return found.sum
    return found.sum / found.count if found.count else None
