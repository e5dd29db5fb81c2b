"""Compile a condition tree into one boolean SQL expression over the whole audience.

The expression speaks of `p`, a row of personalization_customerprofile. It is true or false,
never null, and means exactly what `to_python` means for the same person. Every value is a
parameter; a column is only ever reached through the catalogue.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import TypeAlias

from personalization.conditions import sampling, values
from personalization.conditions.errors import TreeError
from personalization.conditions.fields import Catalogue, validate
from personalization.conditions.nodes import (
    AMOUNT_PROPERTIES,
    AT_LEAST_ONCE,
    PRODUCT_PREFIX,
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
)
from personalization.conditions.sql_comparing import (
    SqlCondition,
    compare,
    compare_moment,
    compare_number,
    connected,
    joined,
    parameter,
)
from personalization.conditions.walking import walk

__all__ = ["Permitted", "SqlCondition", "to_sql"]

# SQL (with its parameters) for "the subject p.subject_id has granted this purpose".
Permitted: TypeAlias = Callable[[str], tuple[str, list[object]]]

_DOCUMENTS = {"attributes": "p.attributes", "traits": "p.traits"}
_PRODUCT_COLUMNS = {
    "product.product_id": "r.product_id",
    "product.category": "r.category",
    "product.brand": "r.brand",
    "product.department": "r.department",
    "product.price": "i.price",
    "product.quantity": "i.quantity",
}


def to_sql(
    node: Node, *, catalogue: Catalogue, now: datetime, permitted: Permitted
) -> SqlCondition:
    """The expression and its parameters, or a TreeError if the catalogue does not know the tree."""
    for fault in validate(node, catalogue):
        raise fault
    for path, event, inner in walk(node):
        if event is None and isinstance(inner, Compare) and not _is_stored(inner.field):
            raise TreeError(
                path, f"{inner.field} is known only at the moment of sending; use it in a rule, "
                "not where a whole audience is selected"
            )  # fmt: skip
    return _Compiler(catalogue=catalogue, now=now, permitted=permitted).node(node)


def _is_stored(path: str) -> bool:
    return path.partition(".")[0] in _DOCUMENTS or sampling.is_draw(path)


class _Compiler:
    def __init__(self, *, catalogue: Catalogue, now: datetime, permitted: Permitted) -> None:
        self.catalogue = catalogue
        self.now = now
        self.permitted = permitted
        self.aliases = count()

    def node(self, node: Node) -> SqlCondition:
        match node:
            case AllOf(children=children):
                return connected("AND", [self.node(child) for child in children], empty="true")
            case AnyOf(children=children):
                return connected("OR", [self.node(child) for child in children], empty="false")
            case Not(child=child):
                return joined("(NOT ", self.node(child), ")")
            case Compare():
                return self.field(node)
            case InSegment(slug=slug):
                return _in_segment(slug)
            case Happened():
                return self.happened(node)
            case Sequence(steps=steps, within=within):
                return self.sequence(steps, after=self.cutoff(within))

    def field(self, node: Compare) -> SqlCondition:
        """Without its purpose a field is absent: nothing holds of it but `is_not_set`."""
        condition = compare(node.op, node.value, seen=_stored(node.field), now=self.now)
        allowed = self.allowed(self.catalogue.fields[node.field].purpose)
        if allowed is None:
            return condition
        if node.op == "is_not_set":
            return joined("(", condition, " OR NOT ", allowed, ")")
        return joined("(", condition, " AND ", allowed, ")")

    def allowed(self, purpose: str | None) -> SqlCondition | None:
        if purpose is None:
            return None
        sql, params = self.permitted(purpose)
        return SqlCondition(f"({sql})", tuple(params))

    def cutoff(self, within: Duration | None) -> datetime | None:
        return None if within is None else self.now - within.delta

    def happened(self, node: Happened) -> SqlCondition:
        alias = f"e{next(self.aliases)}"
        rows = self.rows(node.match, alias=alias, after=self.cutoff(node.within))
        if node.measure == AT_LEAST_ONCE:
            return joined("EXISTS (SELECT 1", rows, ")")
        measured = _measured(node.measure, alias=alias, now=self.now)
        return joined("coalesce((SELECT ", measured, rows, "), false)")

    def rows(self, match: EventMatch, *, alias: str, after: datetime | None) -> SqlCondition:
        """FROM and WHERE of the person's events that count; nothing later than now."""
        conditions = [
            SqlCondition(f"{alias}.profile_id = p.subject_id"),
            joined(f"{alias}.name = ", parameter(match.name)),
            joined(f"{alias}.occurred_at <= ", parameter(self.now)),
        ]
        if after is not None:
            conditions.append(joined(f"{alias}.occurred_at > ", parameter(after)))
        if not match.include_machine:
            conditions.append(SqlCondition(f"NOT {alias}.is_machine"))
        if match.where is not None:
            conditions.append(self.where(match.where, alias=alias))
        allowed = self.allowed(self.catalogue.events[match.name].purpose)
        if allowed is not None:
            conditions.append(allowed)
        return joined(
            f" FROM personalization_event {alias} WHERE ", connected("AND", conditions, empty="")
        )

    def where(self, node: Node, *, alias: str) -> SqlCondition:
        match node:
            case AllOf(children=children):
                parts = [self.where(child, alias=alias) for child in children]
                return connected("AND", parts, empty="true")
            case AnyOf(children=children):
                parts = [self.where(child, alias=alias) for child in children]
                return connected("OR", parts, empty="false")
            case Not(child=child):
                return joined("(NOT ", self.where(child, alias=alias), ")")
            case Compare(field=name) if name.startswith(PRODUCT_PREFIX):
                return self.any_item(node, alias=alias)
            case Compare(field=name, op=op, value=value):
                seen = joined(f"({alias}.properties -> ", parameter(name), ")")
                return compare(op, value, seen=seen, now=self.now)
            case _:
                raise TypeError(f"{type(node).__name__} cannot stand in a where")

    def any_item(self, node: Compare, *, alias: str) -> SqlCondition:
        seen = SqlCondition(f"to_jsonb({_PRODUCT_COLUMNS[node.field]})")
        return joined(
            "EXISTS (SELECT 1 FROM personalization_eventitem i"
            " LEFT JOIN personalization_product r ON r.id = i.product_id"
            " WHERE (i.event_id, i.occurred_at) = ",
            f"({alias}.id, {alias}.occurred_at) AND ",
            compare(node.op, node.value, seen=seen, now=self.now),
            ")",
        )

    def sequence(
        self, steps: tuple[Step | Absence, ...], *, after: datetime | None, at: str = ""
    ) -> SqlCondition:
        """Each step nests inside the one before; `at` is the moment the last one ended."""
        if not steps:
            return SqlCondition("true")
        step, rest = steps[0], steps[1:]
        alias = f"e{next(self.aliases)}"
        rows = self.rows(step.match, alias=alias, after=after)
        if isinstance(step, Absence):
            ends = f"({at} + {_seconds(step.duration)})"
            return joined(
                f"({ends} <= ", parameter(self.now), " AND NOT EXISTS (SELECT 1", rows,
                f" AND {alias}.occurred_at > {at} AND {alias}.occurred_at <= {ends}) AND ",
                self.sequence(rest, after=after, at=ends), ")",
            )  # fmt: skip
        later = f" AND {alias}.occurred_at > {at}" if at else ""
        if step.within is not None:
            later += f" AND {alias}.occurred_at <= {at} + {_seconds(step.within)}"
        following = self.sequence(rest, after=after, at=f"{alias}.occurred_at")
        return joined("EXISTS (SELECT 1", rows, later, " AND ", following, ")")


def _seconds(duration: Duration) -> str:
    """Seconds, not days: a day added to a timestamptz is 23 to 25 hours in some zones."""
    return f"make_interval(secs => {int(duration.delta.total_seconds())})"


def _stored(path: str) -> SqlCondition:
    if sampling.is_draw(path):
        return SqlCondition(sampling.draw_sql(path))
    document, _, name = path.partition(".")
    return joined(f"({_DOCUMENTS[document]} -> ", parameter(name), ")")


def _in_segment(slug: str) -> SqlCondition:
    return joined(
        "EXISTS (SELECT 1 FROM personalization_segmentmembership m"
        " JOIN personalization_segment s ON s.id = m.segment_id"
        " WHERE m.profile_id = p.subject_id AND s.slug = ",
        parameter(slug),
        ")",
    )


def _measured(measure: Measure, *, alias: str, now: datetime) -> SqlCondition:
    """An aggregate over the event rows, compared; a mean is compared as sum with value x count."""
    match measure.kind:
        case "first" | "last":
            edge = SqlCondition(
                f"{'min' if measure.kind == 'first' else 'max'}({alias}.occurred_at)"
            )
            return compare_moment(measure.op, measure.value, at=edge, now=now)
        case "count":
            return compare_number(measure.op, measure.value, number=SqlCondition("count(*)"))
        case "sum" | "avg":
            number = _summed(measure.property or "", alias=alias)
            total = joined("coalesce(sum(", number, "), 0)")
            if measure.kind == "sum":
                return compare_number(measure.op, measure.value, number=total)
            return _mean(measure, number=number, total=total)


def _summed(name: str, *, alias: str) -> SqlCondition:
    if name in AMOUNT_PROPERTIES:
        return SqlCondition(f"{alias}.amount")
    seen = joined(f"({alias}.properties -> ", parameter(name), ")")
    return joined("CASE WHEN jsonb_typeof(", seen, ") = 'number' THEN ", seen, "::numeric END")


def _mean(measure: Measure, *, number: SqlCondition, total: SqlCondition) -> SqlCondition:
    raw = measure.value if isinstance(measure.value, tuple) else (measure.value,)
    many = joined("count(", number, ")")
    ops: tuple[Operator, ...] = ("gte", "lte") if measure.op == "between" else (measure.op,)
    tests = []
    for op, bound in zip(ops, raw, strict=True):
        rest = joined("(", total, " - ", many, " * ", parameter(values.exact(bound)), ")")
        tests.append(compare_number(op, 0, number=rest))
    return connected("AND", [joined(many, " > 0"), *tests], empty="false")
