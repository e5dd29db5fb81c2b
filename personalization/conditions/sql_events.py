"""Who did something, as SQL that selects ids: events counted, summed up, or in a sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from personalization.conditions import values
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
from personalization.conditions.sql_documents import Held, compare_property
from personalization.conditions.sql_people import Among
from personalization.conditions.to_python import compile_measure

# More than there are people.
_ALL = 1_000_000_000_000
_ITEM_COLUMNS = {"product.price": "i.price", "product.quantity": "i.quantity"}
_PRODUCT_COLUMNS = {
    "product.product_id": "r.product_id",
    "product.category": "r.category",
    "product.brand": "r.brand",
    "product.department": "r.department",
}


@dataclass(frozen=True, slots=True)
class EventSet:
    """The condition holds for who is among `ids`, or (not `is_inside`) for who is not.

    It is about events that are there for those only who granted `purposes`.
    """

    ids: SqlCondition
    is_inside: bool
    purposes: frozenset[str]


class EventSets:
    """Makes the sets for one moment; `among` limits them to some people."""

    def __init__(
        self,
        *,
        now: datetime,
        among: Among | None,
        purpose_of: Callable[[str], str | None],
        who_allows: Callable[[str], SqlCondition],
    ) -> None:
        self.now = now
        self.among = among
        self.purpose_of = purpose_of
        self.who_allows = who_allows
        self.aliases = count()

    def of(self, node: Happened | Sequence) -> EventSet:
        if isinstance(node, Sequence):
            return self.in_sequence(node)
        return self.happened(node)

    def happened(self, node: Happened) -> EventSet:
        alias = self.alias()
        rows = self.rows(node.match, alias=alias, after=self.cutoff(node.within))
        purpose = self.purpose_of(node.match.name)
        purposes = frozenset() if purpose is None else frozenset({purpose})
        ids = joined(f"SELECT {alias}.profile_id AS id", rows, f" GROUP BY {alias}.profile_id")
        if node.measure == AT_LEAST_ONCE:
            return EventSet(self.once(ids), is_inside=True, purposes=purposes)
        # “Fewer than three” holds without any event, too: those who have three are found.
        is_inside = not compile_measure(node.measure)([], self.now)
        measured = _measured(node.measure, alias=alias, now=self.now)
        having = measured if is_inside else joined("NOT (", measured, ")")
        grouped = self.once(joined(ids, " HAVING ", having))
        return EventSet(grouped, is_inside=is_inside, purposes=purposes)

    def once(self, ids: SqlCondition) -> SqlCondition:
        """For a whole audience: each parallel process would find the set for itself, but what has
        a limit is found once, by all of them together."""
        return ids if self.among is not None else joined(ids, f" LIMIT {_ALL}")

    def in_sequence(self, node: Sequence) -> EventSet:
        names = [step.match.name for step in node.steps if isinstance(step, Step)]
        purposes = frozenset(
            purpose for name in names if (purpose := self.purpose_of(name)) is not None
        )
        first, *rest = node.steps
        alias, after = self.alias(), self.cutoff(node.within)
        ids = joined(
            f"SELECT {alias}.profile_id AS id",
            self.rows(first.match, alias=alias, after=after),
            " AND ",
            self.following(
                rest, after=after, at=f"{alias}.occurred_at", who=f"{alias}.profile_id",
                granted=purposes,
            ),
            f" GROUP BY {alias}.profile_id",
        )  # fmt: skip
        return EventSet(self.once(ids), is_inside=True, purposes=purposes)

    def following(
        self, steps: list[Step | Absence], *, after: datetime | None, at: str, who: str,
        granted: frozenset[str],
    ) -> SqlCondition:  # fmt: skip
        """Each step nests inside the one before; `at` is the moment the last one ended."""
        if not steps:
            return SqlCondition("true")
        step, *rest = steps
        alias = self.alias()
        own = f" AND {alias}.profile_id = {who} AND {alias}.occurred_at > {at}"
        rows = joined(self.rows(step.match, alias=alias, after=after), own)
        if isinstance(step, Absence):
            ends = f"({at} + {_seconds(step.duration)})"
            following = self.following(rest, after=after, at=ends, who=who, granted=granted)
            known = self.known(step.match.name, alias=alias, granted=granted)
            return joined(
                f"{ends} <= ", parameter(self.now), " AND NOT EXISTS (SELECT 1", rows,
                f" AND {alias}.occurred_at <= {ends}", known, ") AND ", following,
            )  # fmt: skip
        until = ""
        if step.within is not None:
            until = f" AND {alias}.occurred_at <= {at} + {_seconds(step.within)}"
        following = self.following(
            rest, after=after, at=f"{alias}.occurred_at", who=f"{alias}.profile_id", granted=granted
        )
        return joined("EXISTS (SELECT 1", rows, until, " AND ", following, ")")

    def known(self, name: str, *, alias: str, granted: frozenset[str]) -> SqlCondition:
        """An event that must not be known disturbs nobody."""
        purpose = self.purpose_of(name)
        if purpose is None or purpose in granted:
            return SqlCondition("")
        return joined(f" AND {alias}.profile_id IN (", self.who_allows(purpose), ")")

    def rows(self, match: EventMatch, *, alias: str, after: datetime | None) -> SqlCondition:
        """FROM and WHERE of the events that count; nothing later than now."""
        conditions = [joined(f"{alias}.name = ", parameter(match.name))]
        conditions += self.span(alias, after=after)
        if not match.include_machine:
            conditions.append(SqlCondition(f"NOT {alias}.is_machine"))
        if match.where is not None:
            conditions.append(self.where(match.where, match=match, alias=alias, after=after))
        return joined(
            f" FROM personalization_event {alias} WHERE ", connected("AND", conditions, empty="")
        )

    def span(self, alias: str, *, after: datetime | None) -> list[SqlCondition]:
        """Whose rows, and from when to when: what the tables are cut and indexed by."""
        conditions = [joined(f"{alias}.occurred_at <= ", parameter(self.now))]
        if after is not None:
            conditions.append(joined(f"{alias}.occurred_at > ", parameter(after)))
        if self.among is not None:
            conditions.append(self.among.events(f"{alias}.profile_id"))
        return conditions

    def where(
        self, node: Node, *, match: EventMatch, alias: str, after: datetime | None
    ) -> SqlCondition:
        def inner(child: Node) -> SqlCondition:
            return self.where(child, match=match, alias=alias, after=after)

        match node:
            case AllOf(children=children):
                return connected("AND", [inner(child) for child in children], empty="true")
            case AnyOf(children=children):
                return connected("OR", [inner(child) for child in children], empty="false")
            case Not(child=child):
                return joined("(NOT ", inner(child), ")")
            case Compare(field=name) if name.startswith(PRODUCT_PREFIX):
                return self.any_item(node, name=match.name, alias=alias, after=after)
            case Compare(field=name, op=op, value=value):
                held = Held(f"{alias}.properties", name)
                return compare_property(op, value, held=held, now=self.now)
            case _:
                raise TypeError(f"{type(node).__name__} cannot stand in a where")

    def any_item(
        self, node: Compare, *, name: str, alias: str, after: datetime | None
    ) -> SqlCondition:
        """One of the event's lines is such; lines carry the name and time of their event."""
        conditions = [
            joined("i.name = ", parameter(name)),
            *self.span("i", after=after),
            self.item(node),
        ]
        return joined(
            f"(({alias}.id, {alias}.occurred_at) IN (",
            "SELECT i.event_id, i.occurred_at FROM personalization_eventitem i WHERE ",
            connected("AND", conditions, empty=""),
            "))",
        )

    def item(self, node: Compare) -> SqlCondition:
        column = _ITEM_COLUMNS.get(node.field)
        if column is not None:
            seen = SqlCondition(f"to_jsonb({column})")
            return compare(node.op, node.value, seen=seen, now=self.now)
        # Of a product that is gone nothing is known: only `is_not_set` holds of it.
        is_missing_wanted = node.op == "is_not_set"
        op: Operator = "is_set" if is_missing_wanted else node.op
        seen = SqlCondition(f"to_jsonb({_PRODUCT_COLUMNS[node.field]})")
        return joined(
            "(i.product_id NOT IN (" if is_missing_wanted else "(i.product_id IN (",
            "SELECT r.id FROM personalization_product r WHERE ",
            compare(op, node.value, seen=seen, now=self.now),
            "))",
        )

    def cutoff(self, within: Duration | None) -> datetime | None:
        return None if within is None else self.now - within.delta

    def alias(self) -> str:
        return f"e{next(self.aliases)}"


def _seconds(duration: Duration) -> str:
    """Seconds, not days: a day added to a timestamptz is 23 to 25 hours in some zones."""
    return f"make_interval(secs => {int(duration.delta.total_seconds())})"


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
