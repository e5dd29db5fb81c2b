"""Compare one value of a person with the value of a condition: closures made once."""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from personalization.conditions import values
from personalization.conditions.automaton import Automaton
from personalization.conditions.nodes import Duration, Operator, Value
from personalization.conditions.pattern import parse_pattern

Test: TypeAlias = Callable[[object, datetime], bool]

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "before": operator.lt,
    "after": operator.gt,
}


def make_test(op: Operator, value: Value) -> Test:
    """A test of one value (None: absent); False for whatever is absent or of another kind."""
    if op == "is_set":
        return lambda seen, _: seen is not None
    if op == "is_not_set":
        return lambda seen, _: seen is None
    return _MAKERS[op](op, value)


def compares(op: Operator, one: Decimal, other: Decimal) -> bool:
    """`one op other` for the measures of events, which are exact decimals."""
    if op in ("eq", "ne"):
        return (one == other) == (op == "eq")
    return _ORDERS[op](one, other)


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def _equal(wanted: tuple[Value, ...]) -> Test:
    kind = values.common_kind(wanted)
    if kind == "text":
        return _equal_text(wanted)
    if kind == "number":
        return _equal_number(wanted)
    if kind == "boolean":
        return lambda seen, _: isinstance(seen, bool) and seen in wanted
    if kind == "date":
        moments = frozenset(values.moment(each) for each in wanted)
        return lambda seen, _: (at := values.moment(seen)) is not None and at in moments
    return _equal_list(wanted[0])


def _equal_text(wanted: tuple[Value, ...]) -> Test:
    if len(wanted) == 1:
        (only,) = wanted
        return lambda seen, _: seen == only
    texts = frozenset(wanted)
    return lambda seen, _: isinstance(seen, str) and seen in texts


def _equal_number(wanted: tuple[Value, ...]) -> Test:
    plain = frozenset(wanted)
    decimals = frozenset(values.exact(each) for each in wanted)

    def test(seen: object, now: datetime) -> bool:
        kind = type(seen)
        if kind is int or kind is float:
            return seen in plain
        return isinstance(seen, Decimal) and seen in decimals

    return test


def _equal_list(wanted: Value) -> Test:
    """Member by member; inside a list a date is the text it is written as."""
    members = [
        _equal_text((each,)) if isinstance(each, str) else _equal_number((each,))
        for each in _listed(wanted)
    ]

    def test(seen: object, now: datetime) -> bool:
        if not isinstance(seen, list | tuple) or len(seen) != len(members):
            return False
        return all(member(each, now) for member, each in zip(members, seen, strict=True))

    return test


def _among(op: str, value: Value) -> Test:
    """`in` and `not_in`; on a list they ask about its members."""
    wanted, is_wanted = _listed(value), op == "in"
    kind = values.common_kind(wanted)
    single = _equal(wanted) if is_wanted else _differs(wanted)
    if kind == "boolean":
        return single
    includes = _includes("includes_any", value)
    if kind == "text" and is_wanted:
        return _among_texts(frozenset(wanted), includes=includes)

    def test(seen: object, now: datetime) -> bool:
        if isinstance(seen, list | tuple):
            return includes(seen, now) == is_wanted
        return single(seen, now)

    return test


def _among_texts(texts: frozenset[Value], *, includes: Test) -> Test:
    """The commonest case with one call less."""

    def test(seen: object, now: datetime) -> bool:
        return seen in texts if isinstance(seen, str) else includes(seen, now)

    return test


def _differs(wanted: tuple[Value, ...]) -> Test:
    """Present, of the same kind, and none of the wanted values."""
    equal = _equal(wanted)
    is_comparable = _KIND_TESTS[values.common_kind(wanted) or "text"]
    return lambda seen, now: is_comparable(seen) and not equal(seen, now)


_KIND_TESTS: Mapping[values.Kind, Callable[[object], bool]] = {
    "text": lambda seen: isinstance(seen, str),
    "number": values.is_number,
    "boolean": lambda seen: isinstance(seen, bool),
    "date": lambda seen: values.moment(seen) is not None,
    "list": lambda seen: isinstance(seen, list | tuple),
}


def _ordered(op: str, value: Value) -> Test:
    compare = _ORDERS[op]
    bound = values.moment(value)
    if bound is not None:
        return lambda seen, _: (at := values.moment(seen)) is not None and compare(at, bound)
    decimal = values.exact(value)

    def test(seen: object, now: datetime) -> bool:
        kind = type(seen)
        if kind is int or kind is float:
            return compare(seen, value)
        return isinstance(seen, Decimal) and compare(seen, decimal)

    return test


def _between(_: str, value: Value) -> Test:
    low, high = _listed(value)
    if values.kind_of(low) == "date":
        above, below = _ordered("gte", low), _ordered("lte", high)
        return lambda seen, now: above(seen, now) and below(seen, now)
    return _between_numbers(low, high)


def _between_numbers(low: Any, high: Any) -> Test:
    exact_low: Any = values.exact(low)
    exact_high: Any = values.exact(high)

    def test(seen: Any, now: datetime) -> bool:
        kind = type(seen)
        if kind is int or kind is float:
            return bool(low <= seen <= high)
        return isinstance(seen, Decimal) and bool(exact_low <= seen <= exact_high)

    return test


def _recent(op: str, value: Value) -> Test:
    if not isinstance(value, Duration):
        raise TypeError(f"{op} takes a Duration, not {type(value).__name__}")
    delta, is_recent = value.delta, op == "within_last"

    def test(seen: object, now: datetime) -> bool:
        at = values.moment(seen)
        return at is not None and (now - delta < at <= now) == is_recent

    return test


def _anniversary(_: str, value: Value) -> Test:
    if not isinstance(value, Duration):
        raise TypeError(f"an anniversary takes a Duration, not {type(value).__name__}")
    days = value.delta.days

    def test(seen: object, now: datetime) -> bool:
        at = values.moment(seen)
        return at is not None and values.month_day(at) in values.month_days(now, days=days)

    return test


def _includes(op: str, value: Value) -> Test:
    wanted, needs_all = _listed(value), op == "includes_all"
    texts = frozenset(each for each in wanted if isinstance(each, str))
    decimals = frozenset(values.exact(each) for each in wanted if not isinstance(each, str))

    def test(seen: object, now: datetime) -> bool:
        if not isinstance(seen, list | tuple):
            return False
        found = {each for each in seen if isinstance(each, str)} & texts
        numbers = {values.exact(each) for each in seen if values.is_number(each)} & decimals
        hits = len(found) + len(numbers)
        return hits == len(texts) + len(decimals) if needs_all else hits > 0

    return test


def _text(op: str, value: Value) -> Test:
    wanted = str(value)
    if op == "contains":
        return lambda seen, _: isinstance(seen, str) and wanted in seen
    if op == "starts_with":
        return lambda seen, _: isinstance(seen, str) and seen.startswith(wanted)
    if op == "ends_with":
        return lambda seen, _: isinstance(seen, str) and seen.endswith(wanted)
    search = Automaton(parse_pattern(wanted)).search
    return lambda seen, _: isinstance(seen, str) and search(seen)


_MAKERS: Mapping[str, Callable[[str, Value], Test]] = {
    "eq": lambda _, value: _equal((value,)),
    "ne": lambda _, value: _differs((value,)),
    **dict.fromkeys(("in", "not_in"), _among),
    **dict.fromkeys(_ORDERS, _ordered),
    "between": _between,
    **dict.fromkeys(("within_last", "not_within_last"), _recent),
    "anniversary_within_next": _anniversary,
    **dict.fromkeys(("includes_any", "includes_all"), _includes),
    **dict.fromkeys(("contains", "starts_with", "ends_with", "matches"), _text),
}
