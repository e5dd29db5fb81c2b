"""Cut what can be true of a person into regions: within one, no condition tells people apart.

Every condition looks at one thing: a field, a measure over events, a segment. Between the values
its conditions name nothing changes, so a handful of sample values stands for all there are. What
the samples cannot show (parts of texts, lists, sequences) may hold or not, independently.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import TypeAlias

from personalization.conditions import values
from personalization.conditions.comparing import make_test
from personalization.conditions.nodes import (
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    MeasureKind,
    Operator,
    Value,
)
from personalization.conditions.nodes import Sequence as EventSequence

Atom: TypeAlias = Compare | InSegment | Happened | EventSequence
MOMENT = timedelta(microseconds=1)
# Beyond so many conditions on parts of one text, nobody could follow the finding either.
FREE_AT_MOST = 6
_PARTS = frozenset(("contains", "starts_with", "ends_with", "matches"))
_LISTS = frozenset(("includes_any", "includes_all"))


class TooComplex(Exception):
    """More combinations than are worth looking at: nothing is claimed then."""


@dataclass(frozen=True, slots=True)
class Field:
    path: str


@dataclass(frozen=True, slots=True)
class Measured:
    match: EventMatch
    kind: MeasureKind
    property: str | None
    within: Duration | None


# What atoms look at; a segment or a sequence stands for itself.
Thing: TypeAlias = Field | Measured | InSegment | EventSequence


@dataclass(frozen=True, slots=True)
class Region:
    """One sample value of a thing (None: absent), and which of its atoms hold there."""

    sample: object
    holds: Mapping[Atom, bool]


def thing_of(atom: Atom) -> Thing:
    match atom:
        case Compare(field=path):
            return Field(path)
        case Happened(match=events, measure=measure, within=within):
            return Measured(events, measure.kind, measure.property, within)
        case _:
            return atom


def regions(atoms: Iterable[Atom], *, now: datetime) -> dict[Thing, tuple[Region, ...]]:
    """Return the regions of every thing the atoms look at, or raise TooComplex."""
    about: dict[Thing, list[Atom]] = {}
    for atom in dict.fromkeys(atoms):
        about.setdefault(thing_of(atom), []).append(atom)
    counted = _counted(about)
    return {
        thing: tuple(_regions(thing, found, counted=counted, now=now))
        for thing, found in about.items()
    }


def is_at_most(one: Thing, other: Thing) -> bool:
    """Say whether one count can never be above the other: a shorter time, or only some of them."""
    if not isinstance(one, Measured) or not isinstance(other, Measured) or one == other:
        return False
    return (
        one.kind == other.kind == "count"
        and one.match.name == other.match.name
        and (other.match.include_machine or not one.match.include_machine)
        and (other.match.where is None or one.match.where == other.match.where)
        and _fits_into(one.within, other.within)
    )


def _fits_into(one: Duration | None, other: Duration | None) -> bool:
    return other is None or (one is not None and one.delta <= other.delta)


def _counted(about: Mapping[Thing, Sequence[Atom]]) -> dict[str, list[Value]]:
    """Return the bounds of all counts of one event: they limit each other, so they share them."""
    found: dict[str, list[Value]] = {}
    for thing, atoms in about.items():
        if isinstance(thing, Measured) and thing.kind == "count":
            found.setdefault(thing.match.name, []).extend(_bounds(atoms))
    return found


def _regions(
    thing: Thing, atoms: Sequence[Atom], *, counted: Mapping[str, list[Value]], now: datetime
) -> Iterator[Region]:
    if isinstance(thing, InSegment | EventSequence):
        yield from (Region(held, dict.fromkeys(atoms, held)) for held in (True, False))
    elif isinstance(thing, Measured):
        yield from _measured(thing, atoms, counted=counted, now=now)
    else:
        yield _region(None, atoms, now=now)
        samples = list(_samples(_bounds(atoms), now=now))
        yield from (_region(sample, atoms, now=now) for sample in samples)
        # Numbers, moments and yes or no are covered whole; of texts and lists there are more.
        if all(isinstance(sample, str) for sample in samples):
            yield from _other(atoms)


def _measured(
    thing: Measured, atoms: Sequence[Atom], *, counted: Mapping[str, list[Value]], now: datetime
) -> Iterator[Region]:
    if thing.kind == "count":
        numbers = {
            int(each)
            for each in _samples(counted[thing.match.name], now=now)
            if isinstance(each, Decimal | int)
        }
        around = {number + step for number in numbers for step in (-1, 0, 1)} | {0, 1}
        yield from (_region(each, atoms, now=now) for each in sorted(around) if each >= 0)
        return
    # The sum over no event is 0; a mean, a first and a last are absent then.
    yield _region(Decimal(0) if thing.kind == "sum" else None, atoms, now=now)
    yield from (_region(each, atoms, now=now) for each in _samples(_bounds(atoms), now=now))


def _region(sample: object, atoms: Sequence[Atom], *, now: datetime) -> Region:
    return Region(sample, {atom: make_test(*_asked(atom))(sample, now) for atom in atoms})


def _asked(atom: Atom) -> tuple[Operator, Value]:
    match atom:
        case Compare(op=op, value=value):
            return op, value
        case Happened(measure=measure):
            return measure.op, measure.value
        case _:
            raise TypeError(f"{type(atom).__name__} asks for no value")


def _bounds(atoms: Iterable[Atom]) -> list[Value]:
    """Return every value the atoms name, lists taken apart."""
    found: list[Value] = []
    for atom in atoms:
        op, value = _asked(atom)
        if op not in _PARTS | _LISTS:
            found.extend(value if isinstance(value, tuple) else [value])
    return [value for value in found if value is not None]


def _samples(bounds: Sequence[Value], *, now: datetime) -> Iterator[object]:
    """Yield each value, and one from every gap between, below and above them."""
    moments = {at for each in bounds if (at := _moment(each, now=now)) is not None}
    for at in sorted(moments | {now} if moments else moments):
        yield from (at - MOMENT, at, at + MOMENT)
    numbers = sorted({number for each in bounds if (number := _number(each)) is not None})
    if numbers:
        yield from (numbers[0] - 1, numbers[-1] + 1)
        yield from numbers
        yield from ((low + high) / 2 for low, high in pairwise(numbers))
    if any(isinstance(each, bool) for each in bounds):
        yield from (True, False)
    yield from sorted({each for each in bounds if isinstance(each, str)})


def _moment(value: Value, *, now: datetime) -> datetime | None:
    if isinstance(value, Duration):
        return now - value.delta
    return values.moment(value) if isinstance(value, str) else None


def _number(value: Value) -> Decimal | None:
    return None if isinstance(value, bool | str | Duration) else values.exact(value)


def _other(atoms: Sequence[Atom]) -> Iterator[Region]:
    """Yield a value that no atom names: it may hold any of the parts asked for."""
    free = [atom for atom in atoms if _asked(atom)[0] in _PARTS | _LISTS]
    if len(free) > FREE_AT_MOST:
        raise TooComplex("too many conditions on parts of one text or list")
    named = {atom: _holds_elsewhere(atom) for atom in atoms if atom not in free}
    for chosen in product((True, False), repeat=len(free)):
        yield Region("…", {**named, **dict(zip(free, chosen, strict=True))})


def _holds_elsewhere(atom: Atom) -> bool:
    """Of a value that is there, of the right kind, and none of those named."""
    return _asked(atom)[0] in ("is_set", "ne", "not_in")
