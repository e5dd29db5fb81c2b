"""Compile a condition tree into closures: made once per version, called per loaded profile."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, TypeVar

from personalization.conditions import history, values
from personalization.conditions.comparing import Test, compares, make_test
from personalization.conditions.facts import EventFact, Facts
from personalization.conditions.nodes import (
    AT_LEAST_ONCE,
    PRODUCT_PREFIX,
    Absence,
    AllOf,
    AnyOf,
    Compare,
    EventMatch,
    Happened,
    InSegment,
    Measure,
    Node,
    Not,
    Operator,
    Sequence,
    Step,
)

Predicate: TypeAlias = Callable[[Facts, datetime], bool]
_T = TypeVar("_T")
_Moments: TypeAlias = list[datetime]
_Link: TypeAlias = Callable[[_Moments, _Moments, datetime], _Moments]


def compile_tree(node: Node) -> Predicate:
    """A predicate over one person's facts at one moment; absent data makes it false, never fail."""
    match node:
        case Compare():
            return _compile_field(node)
        case AllOf(children=children):
            return _compile_group(children, is_all=True)
        case AnyOf(children=children):
            return _compile_group(children, is_all=False)
        case Not(child=child):
            return _negated(compile_tree(child))
        case InSegment(slug=slug):
            return lambda facts, _: slug in facts.segments
        case Happened():
            return _compile_happened(node)
        case Sequence():
            return _compile_sequence(node)


def _negated(test: Callable[[_T, datetime], bool]) -> Callable[[_T, datetime], bool]:
    return lambda subject, now: not test(subject, now)


def _compile_field(compare: Compare) -> Predicate:
    path, test = compare.field, make_test(compare.op, compare.value)
    return lambda facts, now: test(facts.values.get(path), now)


def _compile_group(children: tuple[Node, ...], *, is_all: bool) -> Predicate:
    """Fields first and in one loop: they are cheap, and most groups are decided by them."""
    fields = tuple(
        (child.field, make_test(child.op, child.value))
        for child in children
        if isinstance(child, Compare)
    )
    others = tuple(compile_tree(child) for child in children if not isinstance(child, Compare))
    return _all_of(fields, others) if is_all else _any_of(fields, others)


def _all_of(fields: tuple[tuple[str, Test], ...], others: tuple[Predicate, ...]) -> Predicate:
    def every(facts: Facts, now: datetime) -> bool:
        get = facts.values.get
        for path, test in fields:
            if not test(get(path), now):
                return False
        return all(other(facts, now) for other in others)

    return every


def _any_of(fields: tuple[tuple[str, Test], ...], others: tuple[Predicate, ...]) -> Predicate:
    def some(facts: Facts, now: datetime) -> bool:
        get = facts.values.get
        for path, test in fields:
            if test(get(path), now):
                return True
        return any(other(facts, now) for other in others)

    return some


def compile_filter(match: EventMatch) -> history.Filter:
    where = _compile_where(match.where) if match.where is not None else None
    return history.Filter(where=where, include_machine=match.include_machine)


def _compile_where(node: Node) -> history.EventTest:
    match node:
        case AllOf(children=children):
            parts = tuple(_compile_where(child) for child in children)
            return lambda event, now: all(part(event, now) for part in parts)
        case AnyOf(children=children):
            parts = tuple(_compile_where(child) for child in children)
            return lambda event, now: any(part(event, now) for part in parts)
        case Not(child=child):
            return _negated(_compile_where(child))
        case Compare(field=name, op=op, value=value):
            return _event_test(name, make_test(op, value))
        case _:
            raise TypeError(f"{type(node).__name__} cannot stand in a where; parse() refuses it")


def _event_test(name: str, test: Test) -> history.EventTest:
    if not name.startswith(PRODUCT_PREFIX):
        return lambda event, now: test(event.properties.get(name), now)
    attribute = name.removeprefix(PRODUCT_PREFIX)

    def any_item(event: EventFact, now: datetime) -> bool:
        return any(test(getattr(item, attribute, None), now) for item in event.items)

    return any_item


def _compile_happened(node: Happened) -> Predicate:
    name = node.match.name
    wanted = compile_filter(node.match)
    delta = node.within.delta if node.within is not None else None
    holds = compile_measure(node.measure)

    def happened(facts: Facts, now: datetime) -> bool:
        events = facts.events.get(name, ())
        after = None if delta is None else now - delta
        return holds(wanted.matching(events, after=after, now=now), now)

    return happened


def compile_measure(measure: Measure) -> Callable[[list[EventFact], datetime], bool]:
    """Whether the measure over the matching events holds; mean, first and last need one event."""
    if measure == AT_LEAST_ONCE:
        return lambda events, _: bool(events)
    if measure.kind in ("first", "last"):
        test, kind = make_test(measure.op, measure.value), measure.kind
        return lambda events, now: test(history.edge(events, kind=kind), now)
    if measure.kind == "count":
        counts = make_test(measure.op, measure.value)
        return lambda events, now: counts(len(events), now)
    return _compile_total(measure)


def _compile_total(measure: Measure) -> Callable[[list[EventFact], datetime], bool]:
    name, is_mean = measure.property or "", measure.kind == "avg"
    bounds = _bounds(measure)

    def holds(events: list[EventFact], now: datetime) -> bool:
        found = history.total(events, of=name)
        if is_mean and not found.count:
            return False
        factor = Decimal(found.count if is_mean else 1)
        return all(
            compares(op, found.sum, values.EXACT.multiply(bound, factor)) for op, bound in bounds
        )

    return holds


def _bounds(measure: Measure) -> list[tuple[Operator, Decimal]]:
    raw = measure.value if isinstance(measure.value, tuple) else (measure.value,)
    bounds = [bound for each in raw if (bound := values.exact(each)) is not None]
    if measure.op == "between":
        return [("gte", bounds[0]), ("lte", bounds[1])]
    return [(measure.op, bounds[0])]


def _compile_sequence(node: Sequence) -> Predicate:
    reached, wanted = compile_steps(node), len(node.steps)
    return lambda facts, now: reached(facts, now) == wanted


def compile_steps(node: Sequence) -> Callable[[Facts, datetime], int]:
    """How many steps came one after the other; if it is all of them, the sequence holds."""
    delta = node.within.delta if node.within is not None else None
    steps = tuple((step.match.name, compile_filter(step.match), _link(step)) for step in node.steps)

    def reached(facts: Facts, now: datetime) -> int:
        after = None if delta is None else now - delta
        anchors: _Moments | None = None
        for done, (name, wanted, link) in enumerate(steps):
            events = wanted.matching(facts.events.get(name, ()), after=after, now=now)
            moments = sorted(event.occurred_at for event in events)
            anchors = moments if anchors is None else link(anchors, moments, now)
            if not anchors:
                return done
        return len(steps)

    return reached


def _link(step: Step | Absence) -> _Link:
    if isinstance(step, Absence):
        lasting = step.duration.delta
        return lambda anchors, moments, now: history.left_alone(
            anchors, moments, lasting=lasting, now=now
        )
    within = step.within.delta if step.within is not None else None
    return lambda anchors, moments, _: history.followed_by(anchors, moments, within=within)
