"""The typed, immutable nodes of a condition tree."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

Operator = Literal[
    "eq", "ne", "in", "not_in", "is_set", "is_not_set",
    "gt", "gte", "lt", "lte", "between",
    "contains", "starts_with", "ends_with", "matches",
    "before", "after", "within_last", "not_within_last", "anniversary_within_next",
    "includes_any", "includes_all",
]  # fmt: skip
MeasureKind = Literal["count", "sum", "avg", "first", "last"]

OPERATORS: tuple[Operator, ...] = get_args(Operator)
MEASURES: tuple[MeasureKind, ...] = get_args(MeasureKind)
# These names mean the event's own amount, whatever the shop calls it.
AMOUNT_PROPERTIES = frozenset({"total", "revenue", "value"})
PRODUCT_PREFIX = "product."


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in fixed units, so that it never depends on a calendar or a zone."""

    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0

    @property
    def delta(self) -> timedelta:
        return timedelta(weeks=self.weeks, days=self.days, hours=self.hours, minutes=self.minutes)


Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | tuple[Scalar, ...] | Duration | None


@dataclass(frozen=True, slots=True)
class Compare:
    """A field (in `where`: a property of the event) against a value."""

    field: str
    op: Operator
    value: Value = None


@dataclass(frozen=True, slots=True)
class InSegment:
    slug: str


@dataclass(frozen=True, slots=True)
class AllOf:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    child: "Node"


@dataclass(frozen=True, slots=True)
class EventMatch:
    """Which events count: by name, by a condition on each, machines only when asked for."""

    name: str
    where: "Node | None" = None
    include_machine: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured over the matching events, and against what."""

    kind: MeasureKind
    op: Operator
    value: Value
    property: str | None = None


AT_LEAST_ONCE = Measure(kind="count", op="gte", value=1)


@dataclass(frozen=True, slots=True)
class Happened:
    match: EventMatch
    measure: Measure = AT_LEAST_ONCE
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An event later than the step before, at most `within` later."""

    match: EventMatch
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """No such event for a full duration after the step before."""

    match: EventMatch
    duration: Duration


@dataclass(frozen=True, slots=True)
class Sequence:
    steps: tuple[Step | Absence, ...]
    within: Duration | None = None


Node: TypeAlias = AllOf | AnyOf | Not | Compare | InSegment | Happened | Sequence
