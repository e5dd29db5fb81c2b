"""Cut what can be true of a person into regions: within one, no condition tells people apart.

Every condition looks at one thing: a field, a measure over events, a segment. Between the values
its conditions name nothing changes, so a handful of sample values stands for all there are. What
the samples cannot show (parts of texts, sequences) may hold or not, independently.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import TypeAlias

from personalization.conditions.comparing import make_test
from personalization.conditions.nodes import (
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    MeasureKind,
)
from personalization.conditions.nodes import Sequence as EventSequence
from personalization.rules import samples
from personalization.rules.samples import Atom

# Beyond so many conditions on parts of one text, nobody could follow the finding either.
FREE_AT_MOST = 6


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


def regions(
    atoms: Iterable[Atom], *, listed: Set[str], now: datetime
) -> dict[Thing, tuple[Region, ...]]:
    """Return the regions of every thing the atoms look at, or raise TooComplex.

    `listed` are the fields that hold lists.
    """
    about: dict[Thing, list[Atom]] = {}
    for atom in dict.fromkeys(atoms):
        about.setdefault(thing_of(atom), []).append(atom)
    shared = _shared(about)
    return {
        thing: tuple(_regions(thing, found, shared=shared, listed=listed, now=now))
        for thing, found in about.items()
    }


def is_part(one: Thing, other: Thing) -> bool:
    """Say whether all events one looks at are among those of the other: a shorter time, or some."""
    if not isinstance(one, Measured) or not isinstance(other, Measured):
        return False
    return (
        one.match.name == other.match.name
        and (other.match.include_machine or not one.match.include_machine)
        and (other.match.where is None or one.match.where == other.match.where)
        and _fits_into(one.within, other.within)
    )


def _fits_into(one: Duration | None, other: Duration | None) -> bool:
    return other is None or (one is not None and one.delta <= other.delta)


def _shared(about: Mapping[Thing, Sequence[Atom]]) -> dict[tuple[str, bool], list[Atom]]:
    """Return by event all conditions on its counts, and all on its first and last: they limit each
    other, so they share the values they name."""
    found: dict[tuple[str, bool], list[Atom]] = {}
    for thing, atoms in about.items():
        if isinstance(thing, Measured):
            found.setdefault((thing.match.name, thing.kind == "count"), []).extend(
                atoms if thing.kind in ("count", "first", "last") else ()
            )
    return found


def _regions(
    thing: Thing,
    atoms: Sequence[Atom],
    *,
    shared: Mapping[tuple[str, bool], Sequence[Atom]],
    listed: Set[str],
    now: datetime,
) -> Iterator[Region]:
    if isinstance(thing, InSegment | EventSequence):
        yield from (Region(held, dict.fromkeys(atoms, held)) for held in (True, False))
    elif isinstance(thing, Measured):
        near = shared[thing.match.name, thing.kind == "count"]
        yield from _measured(thing, atoms, near=near, now=now)
    else:
        yield _region(None, atoms, now=now)
        is_list = thing.path in listed or any(samples.asked(a)[0] in samples.LISTS for a in atoms)
        yield from _of_list(atoms, now=now) if is_list else _of_single(atoms, now=now)


def _of_single(atoms: Sequence[Atom], *, now: datetime) -> Iterator[Region]:
    found = list(samples.singles(atoms, now=now))
    # Numbers, moments and yes or no are covered whole; of texts there are more.
    is_text = not found or samples.are_texts(atoms)
    for sample in found:
        # A text may be a date, but is written then.
        written = sample.isoformat() if is_text and isinstance(sample, datetime) else sample
        yield _region(written, atoms, now=now)
    if is_text:
        yield from _other(atoms, now=now)


def _of_list(atoms: Sequence[Atom], *, now: datetime) -> Iterator[Region]:
    found = samples.lists(atoms, most=FREE_AT_MOST)
    if found is None:
        raise TooComplex("too many values of one list")
    yield from (_region(sample, atoms, now=now) for sample in found)


def _measured(
    thing: Measured, atoms: Sequence[Atom], *, near: Sequence[Atom], now: datetime
) -> Iterator[Region]:
    if thing.kind == "count":
        numbers = {int(each) for each in samples.bounds(near) if isinstance(each, int | float)}
        around = {number + step for number in numbers for step in (-1, 0, 1)} | {0, 1}
        yield from (_region(each, atoms, now=now) for each in sorted(around) if each >= 0)
        return
    # The sum over no event is 0; a mean, a first and a last are absent then.
    yield _region(Decimal(0) if thing.kind == "sum" else None, atoms, now=now)
    named = near if thing.kind in ("first", "last") else atoms
    for each in samples.singles(named, now=now):
        if not isinstance(each, datetime) or _can_be(each, within=thing.within, now=now):
            yield _region(each, atoms, now=now)


def _can_be(at: datetime, *, within: Duration | None, now: datetime) -> bool:
    """Say whether an event can have been then: not in the future, nor before its window."""
    return at <= now and (within is None or at > now - within.delta)


def _region(sample: object, atoms: Sequence[Atom], *, now: datetime) -> Region:
    return Region(sample, {atom: make_test(*samples.asked(atom))(sample, now) for atom in atoms})


def _other(atoms: Sequence[Atom], *, now: datetime) -> Iterator[Region]:
    """Yield a value that no atom names: it may hold any of the parts asked for."""
    free = [atom for atom in atoms if samples.asked(atom)[0] in samples.PARTS]
    if len(free) > FREE_AT_MOST:
        raise TooComplex("too many conditions on parts of one text")
    other = _region(samples.OTHER, atoms, now=now)
    for chosen in product((True, False), repeat=len(free)):
        yield Region(other.sample, {**other.holds, **dict(zip(free, chosen, strict=True))})
