"""Compare a property of a jsonb document, in the forms that PostgreSQL reads fastest.

They mean what `sql_comparing` means for the property's value. Asking the document itself saves
taking the value out of it twice for each row, and lets the planner guess from its statistics of
the documents how many rows will remain.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from personalization.conditions import values
from personalization.conditions.nodes import Operator, Value
from personalization.conditions.sql_comparing import (
    SqlCondition,
    compare,
    compare_text,
    joined,
    parameter,
)

_SYMBOLS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_PLAIN = ("text", "number", "boolean")
# A long list is looked up by its hash; containment would try one value after the other.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Held:
    """A property of a document: a column that is never null and holds an object."""

    document: str
    name: str

    @property
    def value(self) -> SqlCondition:
        return joined(f"({self.document} -> ", parameter(self.name), ")")

    @property
    def text(self) -> SqlCondition:
        return joined(f"({self.document} ->> ", parameter(self.name), ")")

    def contains(self, wanted: Sequence[object]) -> SqlCondition:
        """Whether the document holds one of these under the property's name."""
        templates = [json.dumps({self.name: each}, ensure_ascii=False) for each in wanted]
        if len(templates) == 1:
            return joined(f"({self.document} @> ", parameter(templates[0]), "::jsonb)")
        return joined(f"({self.document} @> ANY(", parameter(templates), "::text[]::jsonb[]))")


def compare_property(op: Operator, value: Value, *, held: Held, now: datetime) -> SqlCondition:
    """Whether the property stands in this relation to the value; true or false, never null."""
    # Of `eq` a list is one value.
    wanted = value if isinstance(value, tuple) and op != "eq" else (value,)
    if op in ("is_set", "is_not_set"):
        return _presence(held, is_wanted=op == "is_set")
    if op in ("eq", "in") and len(wanted) <= _FEW and values.common_kind(wanted) in _PLAIN:
        # On a list, `in` asks whether one of its members is wanted.
        members = op == "in" and values.common_kind(wanted) != "boolean"
        return held.contains([*wanted, *([each] for each in wanted if members)])
    if op == "includes_any" and len(wanted) <= _FEW:
        return held.contains([[each] for each in wanted])
    if op == "includes_all":
        return held.contains([list(wanted)])
    if op in ("contains", "starts_with", "ends_with", "matches"):
        return _text(op, str(value), held=held)
    if op in (*_SYMBOLS, "between") and values.common_kind(wanted) == "number":
        return _number(op, wanted, held=held)
    return compare(op, value, seen=held.value, now=now)


def _presence(held: Held, *, is_wanted: bool) -> SqlCondition:
    is_set = joined(
        f"({held.document} ? ", parameter(held.name), " AND NOT ", held.contains([None]), ")"
    )
    return is_set if is_wanted else joined("(NOT ", is_set, ")")


def _text(op: Operator, wanted: str, *, held: Held) -> SqlCondition:
    """Its text first, as most fail there; then that it was a text and no number or list."""
    return joined(
        "CASE WHEN ", compare_text(op, wanted, text=held.text), " THEN jsonb_typeof(", held.value,
        ") = 'string' ELSE false END",
    )  # fmt: skip


def _number(op: Operator, wanted: Sequence[Value], *, held: Held) -> SqlCondition:
    """A path that ends in unknown, so not in true, where there is no number."""
    bounds = [f"{values.exact(each):f}" for each in wanted]
    name = f"$.{json.dumps(held.name)}"
    path = (
        f"strict {name} >= {bounds[0]} && {name} <= {bounds[1]}"
        if op == "between"
        else f"strict {name} {_SYMBOLS[op]} {bounds[0]}"
    )
    return joined(f"(({held.document} @@ ", parameter(path), "::jsonpath) IS TRUE)")
