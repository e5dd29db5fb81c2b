"""Sample values: between those that conditions name nothing changes, so a few stand for all."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise, product

from personalization.conditions import values
from personalization.conditions.nodes import Compare, Duration, Happened, InSegment, Operator, Value
from personalization.conditions.nodes import Sequence as EventSequence

Atom = Compare | InSegment | Happened | EventSequence
MOMENT = timedelta(microseconds=1)
PARTS = frozenset(("contains", "starts_with", "ends_with", "matches"))
LISTS = frozenset(("includes_any", "includes_all"))
# The longest time without a 29 February.
_DAYS = 8 * 366
# A day of each kind that can be told apart by its place in the year.
_LEAP_YEAR = values.month_days(datetime(2028, 1, 1, tzinfo=UTC), days=366)
OTHER = "…"


def asked(atom: Atom) -> tuple[Operator, Value]:
    match atom:
        case Compare(op=op, value=value):
            return op, value
        case Happened(measure=measure):
            return measure.op, measure.value
        case _:
            raise TypeError(f"{type(atom).__name__} asks for no value")


def are_texts(atoms: Sequence[Atom]) -> bool:
    """Say whether a text is compared: a date in a list with another text is one, too."""
    found = [
        (op, value if isinstance(value, tuple) else (value,)) for op, value in map(asked, atoms)
    ]
    return any(op in PARTS or values.common_kind(value) == "text" for op, value in found)


def bounds(atoms: Sequence[Atom]) -> list[Value]:
    """Return every value the atoms name, lists taken apart."""
    found: list[Value] = []
    for atom in atoms:
        op, value = asked(atom)
        if op not in PARTS | LISTS and op != "anniversary_within_next":
            found.extend(value if isinstance(value, tuple) else [value])
    return [value for value in found if value is not None]


def singles(atoms: Sequence[Atom], *, now: datetime) -> Iterator[object]:
    """Yield each value, and one from every gap between, below and above them."""
    named = bounds(atoms)
    yield from moments(atoms, now=now)
    numbers = sorted({number for each in named if (number := _number(each)) is not None})
    if numbers:
        yield from (numbers[0] - 1, numbers[-1] + 1)
        yield from numbers
        yield from ((low + high) / 2 for low, high in pairwise(numbers))
    if any(isinstance(each, bool) for each in named):
        yield from (True, False)
    yield from sorted({each for each in named if isinstance(each, str)})


def moments(atoms: Sequence[Atom], *, now: datetime) -> Iterator[datetime]:
    """Yield each moment, one beside it on either side, and in every gap a day of each kind."""
    named = {at for each in bounds(atoms) if (at := _moment(each, now=now)) is not None}
    lengths = {
        value.delta.days
        for op, value in map(asked, atoms)
        if op == "anniversary_within_next" and isinstance(value, Duration)
    }
    if not named and not lengths:
        return
    edges = tuple(sorted({*named, now}))
    for at in edges:
        yield from (at - MOMENT, at, at + MOMENT)
    if lengths:
        yield from _days(edges, tuple(sorted(lengths)), now)


@lru_cache(maxsize=256)
def _days(
    edges: tuple[datetime, ...], lengths: tuple[int, ...], now: datetime
) -> tuple[datetime, ...]:
    """In every gap the first day of each kind: in the next seven days, in the next thirty, not."""
    within = [values.month_days(now, days=length) for length in lengths]
    kinds = {tuple(day in days for days in within) for day in _LEAP_YEAR}
    far = timedelta(days=_DAYS)
    found: list[datetime] = []
    for low, high in pairwise((edges[0] - far, *edges, edges[-1] + far)):
        seen: set[tuple[bool, ...]] = set()
        day = low.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(_DAYS):
            day += timedelta(days=1)
            if day >= high or seen == kinds:
                break
            kind = tuple(values.month_day(day) in days for days in within)
            if kind not in seen:
                seen.add(kind)
                found.append(day)
    return tuple(found)


def lists(atoms: Sequence[Atom], *, most: int) -> Iterator[Sequence[object]] | None:
    """Return every set of the members that are named, with and without another one; None where
    there are more than so many. A list that is asked for as a whole is there as it is written."""
    whole = [value for op, value in map(asked, atoms) if op in ("eq", "ne")]
    named = {
        member
        for op, value in map(asked, atoms)
        if op in LISTS | {"in", "not_in", "eq", "ne"}
        for member in (value if isinstance(value, tuple) else (value,))
    }
    if len(named) > most:
        return None
    return _lists(sorted(named, key=repr), whole=whole)


def _lists(named: Sequence[object], *, whole: Sequence[Value]) -> Iterator[Sequence[object]]:
    for chosen in product((True, False), repeat=len(named) + 1):
        yield [each for each, is_in in zip((*named, OTHER), chosen, strict=True) if is_in]
    yield from (list(value) for value in whole if isinstance(value, tuple))
    # The same members the other way round are another list.
    yield from (list(value)[::-1] for value in whole if isinstance(value, tuple))


def _moment(value: Value, *, now: datetime) -> datetime | None:
    if isinstance(value, Duration):
        return now - value.delta
    return values.moment(value) if isinstance(value, str) else None


def _number(value: Value) -> Decimal | None:
    return None if isinstance(value, bool | str | Duration) else values.exact(value)
