"""Read a condition tree from JSON; whatever is not exactly right is refused with its path."""

from collections.abc import Mapping
from typing import cast

from personalization.conditions.errors import TreeError, join
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
    MeasureKind,
    Node,
    Not,
    Operator,
    Sequence,
    Step,
)
from personalization.conditions.parsing_values import (
    read_duration,
    read_text,
    read_value,
)

MAX_NODES = 500
MAX_DEPTH = 20
MAX_STEPS = 10

_EVENT_KEYS = frozenset({"event", "where", "include_machine"})
_SHAPES: Mapping[str, frozenset[str]] = {
    "all": frozenset({"all"}),
    "any": frozenset({"any"}),
    "not": frozenset({"not"}),
    "segment": frozenset({"segment"}),
    "field": frozenset({"field", "op", "value"}),
    "event": _EVENT_KEYS | {"within", *MEASURES},
    "sequence": frozenset({"sequence", "within"}),
}
_WHERE_SHAPES = frozenset({"all", "any", "not", "field"})
_COMPARES = frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "between"})
_DATE_COMPARES = frozenset(
    {"gt", "gte", "lt", "lte", "between", "before", "after", "within_last", "not_within_last"}
)
_MEASURE_OPERATORS: Mapping[MeasureKind, frozenset[str]] = {
    "count": _COMPARES,
    "sum": _COMPARES,
    "avg": _COMPARES,
    "first": _DATE_COMPARES,
    "last": _DATE_COMPARES,
}


def parse(data: object) -> Node:
    """The typed tree, or a TreeError that names the place and how to mend it."""
    return _Reader().node(data, path="", depth=1, is_where=False)


class _Reader:
    """Counts nodes over the whole tree while reading it."""

    def __init__(self) -> None:
        self.count = 0

    def node(self, data: object, *, path: str, depth: int, is_where: bool) -> Node:
        self.enter(path=path, depth=depth)
        shape, found = _shape(data, path=path)
        if is_where and shape not in _WHERE_SHAPES:
            raise TreeError(
                path, f"“{shape}” cannot stand inside “where”, which looks at one event only; "
                "put it beside the event condition"
            )  # fmt: skip
        if shape in ("all", "any"):
            return self.group(found, shape=shape, path=path, depth=depth, is_where=is_where)
        if shape == "not":
            below = join(path, "not")
            child = self.node(found["not"], path=below, depth=depth + 1, is_where=is_where)
            return Not(child)
        if shape == "segment":
            return InSegment(read_text(found["segment"], path=join(path, "segment")))
        if shape == "event":
            return self.happened(found, path=path, depth=depth)
        if shape == "sequence":
            return self.sequence(found, path=path, depth=depth)
        if is_where and found.get("op") == "anniversary_within_next":
            raise TreeError(
                join(path, "op"),
                "an anniversary is asked of a field of the person, not of an event",
            )
        return _compare(found, path=path)

    def enter(self, *, path: str, depth: int) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise TreeError(
                path, f"the tree has more than {MAX_NODES} nodes; move parts into segments"
            )
        if depth > MAX_DEPTH:
            raise TreeError(
                path, f"the tree nests deeper than {MAX_DEPTH} levels; flatten it or use a segment"
            )

    def group(
        self, found: Mapping[str, object], *, shape: str, path: str, depth: int, is_where: bool
    ) -> Node:
        items = found[shape]
        if not isinstance(items, list):
            raise TreeError(join(path, shape), "a group is a list of conditions: [ … ]")
        if not items and shape == "any":
            raise TreeError(
                join(path, shape), "an empty “any” matches nobody; add a condition to it"
            )
        children = tuple(
            self.node(
                item, path=join(path, f"{shape}[{index}]"), depth=depth + 1, is_where=is_where
            )
            for index, item in enumerate(items)
        )
        return AllOf(children) if shape == "all" else AnyOf(children)

    def happened(self, found: Mapping[str, object], *, path: str, depth: int) -> Happened:
        return Happened(
            match=self.match(found, path=path, depth=depth),
            measure=_measure(found, path=path),
            within=_within(found, path=path),
        )

    def match(self, found: Mapping[str, object], *, path: str, depth: int) -> EventMatch:
        where = None
        if "where" in found:
            below = join(path, "where")
            where = self.node(found["where"], path=below, depth=depth + 1, is_where=True)
        include_machine = found.get("include_machine", False)
        if not isinstance(include_machine, bool):
            raise TreeError(join(path, "include_machine"), "write true or false")
        name = read_text(found["event"], path=join(path, "event"))
        return EventMatch(name=name, where=where, include_machine=include_machine)

    def sequence(self, found: Mapping[str, object], *, path: str, depth: int) -> Sequence:
        items = found["sequence"]
        at = join(path, "sequence")
        if not isinstance(items, list) or not 2 <= len(items) <= MAX_STEPS:
            raise TreeError(at, f"a sequence is a list of 2 to {MAX_STEPS} steps")
        steps = tuple(
            self.step(item, path=f"{at}[{index}]", depth=depth + 1)
            for index, item in enumerate(items)
        )
        first = steps[0]
        if isinstance(first, Absence):
            raise TreeError(f"{at}[0]", "a sequence starts with an event that did happen")
        if first.within is not None:
            raise TreeError(
                f"{at}[0].within", "the first step has nothing before it; put “within” beside "
                "“sequence” to limit how long ago it may be"
            )  # fmt: skip
        return Sequence(steps=steps, within=_within(found, path=path))

    def step(self, data: object, *, path: str, depth: int) -> Step | Absence:
        self.enter(path=path, depth=depth)
        found = _object(data, path=path)
        if "not" not in found:
            _only(found, allowed=_EVENT_KEYS | {"within"}, needed=("event",), path=path)
            match = self.match(found, path=path, depth=depth)
            return Step(match=match, within=_within(found, path=path))
        _only(found, allowed=frozenset({"not", "for"}), needed=("not", "for"), path=path)
        inner = _object(found["not"], path=join(path, "not"))
        _only(inner, allowed=_EVENT_KEYS, needed=("event",), path=join(path, "not"))
        return Absence(
            match=self.match(inner, path=join(path, "not"), depth=depth),
            duration=read_duration(found["for"], path=join(path, "for")),
        )


def _shape(data: object, *, path: str) -> tuple[str, Mapping[str, object]]:
    found = _object(data, path=path)
    shapes = [shape for shape in _SHAPES if shape in found]
    if len(shapes) != 1:
        raise TreeError(
            path,
            f"a condition has exactly one of the keys {', '.join(_SHAPES)}; "
            f"this one has {', '.join(shapes) or 'none of them'}",
        )
    _only(found, allowed=_SHAPES[shapes[0]], needed=(), path=path)
    return shapes[0], found


def _object(data: object, *, path: str) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise TreeError(path, f"a condition is a JSON object {{…}}, not {type(data).__name__}")
    return cast("dict[str, object]", data)


def _only(
    found: Mapping[str, object], *, allowed: frozenset[str], needed: tuple[str, ...], path: str
) -> None:
    for key in found:
        if key not in allowed:
            raise TreeError(
                path, f"unknown key “{str(key)[:40]}”; known here: {', '.join(sorted(allowed))}"
            )
    for key in needed:
        if key not in found:
            raise TreeError(path, f"the key “{key}” is missing")


def _compare(found: Mapping[str, object], *, path: str) -> Compare:
    field = read_text(found["field"], path=join(path, "field"))
    op = _operator(found, path=path, allowed=frozenset(OPERATORS))
    has_no_value = op in ("is_set", "is_not_set")
    if has_no_value and "value" in found:
        raise TreeError(join(path, "value"), f"“{op}” takes no value; remove it")
    if has_no_value:
        return Compare(field=field, op=op)
    return Compare(field=field, op=op, value=read_value(found, op=op, path=path))


def _operator(found: Mapping[str, object], *, path: str, allowed: frozenset[str]) -> Operator:
    op = found.get("op")
    if not isinstance(op, str) or op not in allowed:
        known = ", ".join(known for known in OPERATORS if known in allowed)
        raise TreeError(join(path, "op"), f"unknown operator {str(op)[:40]!r}; use one of: {known}")
    return cast(Operator, op)


def _measure(found: Mapping[str, object], *, path: str) -> Measure:
    kinds = [kind for kind in MEASURES if kind in found]
    if not kinds:
        return AT_LEAST_ONCE
    if len(kinds) > 1:
        raise TreeError(
            path,
            f"one measure at a time, not {' and '.join(kinds)}; join two conditions with “all”",
        )
    kind, at = kinds[0], join(path, kinds[0])
    inner = _object(found[kind], path=at)
    about = ("property",) if kind in ("sum", "avg") else ()
    allowed = frozenset({"op", "value", *about})
    _only(inner, allowed=allowed, needed=(*about, "op", "value"), path=at)
    op = _operator(inner, path=at, allowed=_MEASURE_OPERATORS[kind])
    value = read_value(
        inner, op=op, path=at, kind="date" if kind in ("first", "last") else "number"
    )
    name = read_text(inner["property"], path=join(at, "property")) if about else None
    return Measure(kind=kind, op=op, value=value, property=name)


def _within(found: Mapping[str, object], *, path: str) -> Duration | None:
    if "within" not in found:
        return None
    return read_duration(found["within"], path=join(path, "within"))
