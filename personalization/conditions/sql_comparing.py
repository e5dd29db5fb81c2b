"""Compare a jsonb expression with a value in SQL: never null, never an error on dirty data."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization.conditions import values
from personalization.conditions.nodes import Duration, Operator, Value
from personalization.conditions.pattern import parse_pattern

_SYMBOLS = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=",
            "before": "<", "after": ">"}  # fmt: skip
_JSON_TYPES: Mapping[values.Kind, str] = {
    "text": "string", "number": "number", "boolean": "boolean", "list": "array",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SqlCondition:
    """A piece of SQL with its parameters in the order of their placeholders."""

    sql: str
    # What a database adapter takes; each is made here, from a parsed tree.
    params: tuple[Any, ...] = ()


def parameter(value: object) -> SqlCondition:
    return SqlCondition("%s", (value,))


def joined(*parts: str | SqlCondition) -> SqlCondition:
    """One piece from many; a plain string is SQL of our own, never a value."""
    pieces = [SqlCondition(part) if isinstance(part, str) else part for part in parts]
    return SqlCondition(
        "".join(piece.sql for piece in pieces),
        tuple(param for piece in pieces for param in piece.params),
    )


def connected(word: str, pieces: list[SqlCondition], *, empty: str) -> SqlCondition:
    """The pieces in parentheses with AND or OR between them."""
    if not pieces:
        return SqlCondition(empty)
    parts: list[str | SqlCondition] = ["("]
    for index, piece in enumerate(pieces):
        parts.extend((f" {word} ", piece) if index else (piece,))
    return joined(*parts, ")")


def compare(op: Operator, value: Value, *, seen: SqlCondition, now: datetime) -> SqlCondition:
    """Whether the jsonb expression `seen` stands in this relation to the value."""
    if op in ("is_set", "is_not_set"):
        absent = joined("coalesce(jsonb_typeof(", seen, "), 'null') ")
        return joined("(", absent, "<>" if op == "is_set" else "=", " 'null')")
    if op in ("eq", "ne", "in", "not_in"):
        return _equality(op, value, seen=seen)
    if op in ("includes_any", "includes_all"):
        return _included(_listed(value), op=op, seen=seen)
    if op in ("contains", "starts_with", "ends_with", "matches"):
        text = joined("(", seen, " #>> '{}')")
        return _guarded("string", compare_text(op, str(value), text=text), seen=seen)
    if isinstance(value, Duration) or values.common_kind(_listed(value)) == "date":
        return _guarded_moment(lambda at: compare_moment(op, value, at=at, now=now), seen=seen)
    number = joined("(", seen, ")::numeric")
    return _guarded("number", compare_number(op, value, number=number), seen=seen)


def compare_number(op: Operator, value: Value, *, number: SqlCondition) -> SqlCondition:
    """A numeric expression against one number, or two for `between`."""
    bounds = [parameter(values.exact(each)) for each in _listed(value)]
    if op == "between":
        return joined("(", number, " BETWEEN ", bounds[0], " AND ", bounds[1], ")")
    return joined(number, f" {_SYMBOLS[op]} ", bounds[0])


def compare_moment(op: Operator, value: Value, *, at: SqlCondition, now: datetime) -> SqlCondition:
    """A timestamptz expression against dates, or against a time back from now."""
    if op == "anniversary_within_next" and isinstance(value, Duration):
        days = sorted(values.month_days(now, days=value.delta.days))
        return joined("to_char(", at, " AT TIME ZONE 'UTC', 'MM-DD') = ANY(", parameter(days), ")")
    if isinstance(value, Duration):
        recent = joined(
            "(", at, " > ", parameter(now - value.delta), " AND ", at, " <= ", parameter(now), ")"
        )
        return recent if op == "within_last" else joined("NOT ", recent)
    bounds = [parameter(values.moment(each)) for each in _listed(value)]
    if op == "between":
        return joined("(", at, " BETWEEN ", bounds[0], " AND ", bounds[1], ")")
    return joined(at, f" {_SYMBOLS[op]} ", bounds[0])


def _listed(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def _equality(op: Operator, value: Value, *, seen: SqlCondition) -> SqlCondition:
    wanted = _listed(value) if op in ("in", "not_in") else (value,)
    kind = values.common_kind(wanted) or "text"
    is_wanted = op in ("eq", "in")
    if kind == "date":
        single = _guarded_moment(
            lambda at: _wanted(
                joined("(", at, " = ANY(", _moments(wanted), "))"), is_wanted=is_wanted
            ),
            seen=seen,
        )
    else:
        equal = joined("(", seen, " = ANY(", _json_array(wanted), "))")
        single = _guarded(_JSON_TYPES[kind], _wanted(equal, is_wanted=is_wanted), seen=seen)
    if op in ("eq", "ne") or kind == "boolean":
        return single
    # On a list, `in` asks whether one of its members is among the wanted values.
    among = _contains(wanted, quantifier="ANY", seen=seen)
    members = _guarded("array", _wanted(among, is_wanted=is_wanted), seen=seen)
    return joined("(", single, " OR ", members, ")")


def _moments(wanted: tuple[Value, ...]) -> SqlCondition:
    return SqlCondition("%s::timestamptz[]", ([values.moment(one) for one in wanted],))


def _wanted(condition: SqlCondition, *, is_wanted: bool) -> SqlCondition:
    return condition if is_wanted else joined("NOT ", condition)


def _json_array(wanted: tuple[object, ...]) -> SqlCondition:
    texts = [json.dumps(each, allow_nan=False, ensure_ascii=False) for each in wanted]
    return SqlCondition("%s::text[]::jsonb[]", (texts,))


def _contains(wanted: tuple[Value, ...], *, quantifier: str, seen: SqlCondition) -> SqlCondition:
    singles = tuple((each,) for each in wanted if not isinstance(each, tuple | Duration))
    return joined("(", seen, f" @> {quantifier}(", _json_array(singles), "))")


def _included(wanted: tuple[Value, ...], *, op: Operator, seen: SqlCondition) -> SqlCondition:
    quantifier = "ALL" if op == "includes_all" else "ANY"
    return _guarded("array", _contains(wanted, quantifier=quantifier, seen=seen), seen=seen)


def compare_text(op: Operator, wanted: str, *, text: SqlCondition) -> SqlCondition:
    """A text expression against a part of a text, or a pattern; null where it is null."""
    tests: Mapping[str, Callable[[], SqlCondition]] = {
        "contains": lambda: joined("strpos(", text, ", ", parameter(wanted), ") > 0"),
        "starts_with": lambda: joined("starts_with(", text, ", ", parameter(wanted), ")"),
        "ends_with": lambda: joined(
            "right(", text, ", ", parameter(len(wanted)), ") = ", parameter(wanted)
        ),
        "matches": lambda: joined(text, " ~ ", parameter(parse_pattern(wanted).to_postgres())),
    }
    return tests[op]()


def _guarded(type_: str, condition: SqlCondition, *, seen: SqlCondition) -> SqlCondition:
    """The condition where the data is of this type, else false; CASE keeps casts from running."""
    return joined(
        "CASE WHEN jsonb_typeof(", seen, f") = '{type_}' THEN ", condition, " ELSE false END"
    )


def _guarded_moment(
    condition: Callable[[SqlCondition], SqlCondition], *, seen: SqlCondition
) -> SqlCondition:
    text = joined("(", seen, " #>> '{}')")
    zoned = joined(text, f" ~ '{values.ZONED_PATTERN}$'")
    at = joined(
        "(CASE WHEN ", zoned, " THEN ", text, " ELSE ", text, " || ' UTC' END)::timestamptz"
    )
    return joined(
        "CASE WHEN jsonb_typeof(", seen, ") = 'string' AND ",
        text, f" ~ '^(?:{values.MOMENT_PATTERN})$' THEN ", condition(at), " ELSE false END",
    )  # fmt: skip
