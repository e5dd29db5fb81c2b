"""Look through a person's events: which count, what they measure, whether they follow."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from personalization.conditions import values
from personalization.conditions.facts import EventFact
from personalization.conditions.nodes import AMOUNT_PROPERTIES, MeasureKind

EventTest: TypeAlias = Callable[[EventFact, datetime], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events of one name count."""

    where: EventTest | None
    include_machine: bool

    def matching(
        self, events: Iterable[EventFact], *, after: datetime | None, now: datetime
    ) -> list[EventFact]:
        """Events in (after, now]; what lies after now has not happened yet."""
        where, include_machine = self.where, self.include_machine
        return [
            event
            for event in events
            if event.occurred_at <= now
            and (after is None or event.occurred_at > after)
            and (include_machine or not event.is_machine)
            and (where is None or where(event, now))
        ]


@dataclass(frozen=True, slots=True)
class Total:
    """A sum and over how many values; a condition on the mean compares sum with value x count."""

    sum: Decimal
    count: int


def total(events: Iterable[EventFact], *, of: str) -> Total:
    """Sum of a numeric property; events without it, or with another kind there, do not count."""
    numbers = [
        number
        for event in events
        if (number := _amount(event) if of in AMOUNT_PROPERTIES else _number(event, of)) is not None
    ]
    result = Decimal(0)
    for number in numbers:
        result = values.EXACT.add(result, number)
    return Total(sum=result, count=len(numbers))


def edge(events: Sequence[EventFact], *, kind: MeasureKind) -> datetime | None:
    """When the first or last of the events was."""
    moments = [event.occurred_at for event in events]
    if not moments:
        return None
    return min(moments) if kind == "first" else max(moments)


def _amount(event: EventFact) -> Decimal | None:
    return event.amount


def _number(event: EventFact, name: str) -> Decimal | None:
    return values.exact(event.properties.get(name))


def followed_by(
    anchors: list[datetime], later: list[datetime], *, within: timedelta | None
) -> list[datetime]:
    """Moments of `later` that come after one of the anchors, and at most `within` after it."""
    if not anchors:
        return []
    reached = []
    for at in later:
        before = bisect_left(anchors, at)
        if before and (within is None or at - anchors[before - 1] <= within):
            reached.append(at)
    return reached


def left_alone(
    anchors: list[datetime], disturbing: list[datetime], *, lasting: timedelta, now: datetime
) -> list[datetime]:
    """Ends of the quiet times: nothing in (anchor, anchor + lasting], which is over by now."""
    return [
        anchor + lasting
        for anchor in anchors
        if anchor + lasting <= now
        and bisect_right(disturbing, anchor) == bisect_right(disturbing, anchor + lasting)
    ]
