"""The condition tree: parse it from JSON, write it back, walk it, ask what it needs."""

from personalization.conditions.errors import TreeError
from personalization.conditions.nodes import (
    AT_LEAST_ONCE,
    MEASURES,
    OPERATORS,
    Absence,
    AllOf,
    AnyOf,
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    Measure,
    Node,
    Not,
    Operator,
    Sequence,
    Step,
    Value,
)
from personalization.conditions.parsing import MAX_DEPTH, MAX_NODES, parse
from personalization.conditions.walking import NOTHING, Needs, needs, walk

__all__ = [
    "AT_LEAST_ONCE", "MAX_DEPTH", "MAX_NODES", "MEASURES", "NOTHING", "OPERATORS",
    "Absence", "AllOf", "AnyOf", "Compare", "Duration", "EventMatch", "Happened", "InSegment",
    "Measure", "Needs", "Node", "Not", "Operator", "Sequence", "Step", "TreeError", "Value",
    "dump", "needs", "parse", "walk",
]  # fmt: skip


def dump(node: Node) -> dict[str, object]:
    """The JSON form; parsing it gives an equal tree."""
    match node:
        case AllOf(children=children):
            return {"all": [dump(child) for child in children]}
        case AnyOf(children=children):
            return {"any": [dump(child) for child in children]}
        case Not(child=child):
            return {"not": dump(child)}
        case InSegment(slug=slug):
            return {"segment": slug}
        case Compare(field=field, op=op, value=value):
            written = {} if value is None else {"value": _dump_value(value)}
            return {"field": field, "op": op, **written}
        case Happened():
            return {
                **_dump_match(node.match),
                **_dump_measure(node.measure),
                **_dump_within(node.within),
            }
        case Sequence(steps=steps, within=within):
            return {"sequence": [_dump_step(step) for step in steps], **_dump_within(within)}


def _dump_match(match: EventMatch) -> dict[str, object]:
    written: dict[str, object] = {"event": match.name}
    if match.where is not None:
        written["where"] = dump(match.where)
    if match.include_machine:
        written["include_machine"] = True
    return written


def _dump_measure(measure: Measure) -> dict[str, object]:
    if measure == AT_LEAST_ONCE:
        return {}
    about = {"property": measure.property} if measure.property is not None else {}
    return {measure.kind: {**about, "op": measure.op, "value": _dump_value(measure.value)}}


def _dump_within(within: Duration | None) -> dict[str, object]:
    return {} if within is None else {"within": _dump_value(within)}


def _dump_step(step: Step | Absence) -> dict[str, object]:
    if isinstance(step, Absence):
        return {"not": _dump_match(step.match), "for": _dump_value(step.duration)}
    return {**_dump_match(step.match), **_dump_within(step.within)}


def _dump_value(value: Value) -> object:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Duration):
        units = ("weeks", "days", "hours", "minutes")
        return {unit: amount for unit in units if (amount := getattr(value, unit))}
    return value
