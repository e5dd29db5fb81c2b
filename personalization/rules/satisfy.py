"""Find a person for whom a condition would hold, or make sure that there can be none."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from typing import TypeAlias

from personalization.conditions.nodes import AllOf, AnyOf, Node, Not
from personalization.rules.regions import (
    Measured,
    Region,
    Thing,
    TooComplex,
    is_part,
    regions,
    thing_of,
)
from personalization.rules.samples import Atom

STEPS_AT_MOST = 20_000
# What each thing is in the person found.
Witness: TypeAlias = dict[Thing, Region]


def witness(node: Node, *, now: datetime, listed: Set[str] = frozenset()) -> Witness | None:
    """Return values for which `node` holds, or None where no person can have such values.

    None is certain. What is found is a possible person, unless segments or sequences that hang
    together say otherwise. Raises TooComplex rather than to search for long. `listed` are the
    fields that hold lists.
    """
    found = regions(_atoms(node), listed=listed, now=now)
    return _Search(node, found).run()


def _atoms(node: Node) -> Iterator[Atom]:
    match node:
        case AllOf(children=children) | AnyOf(children=children):
            for child in children:
                yield from _atoms(child)
        case Not(child=child):
            yield from _atoms(child)
        case _:
            yield node


class _Search:
    """Choose a region for one thing after the other, and turn back as soon as it cannot hold."""

    def __init__(self, node: Node, known: Mapping[Thing, tuple[Region, ...]]) -> None:
        self._node = node
        self._known = known
        self._chosen: Witness = {}
        self._steps = 0

    def run(self) -> Witness | None:
        held = self._holds(self._node)
        if held is not None:
            return dict(self._chosen) if held else None
        thing = self._next(self._node)
        if thing is None:
            return None
        for region in self._known[thing]:
            self._steps += 1
            if self._steps > STEPS_AT_MOST:
                raise TooComplex("too many combinations of conditions")
            self._chosen[thing] = region
            if self._is_possible(thing) and (found := self.run()) is not None:
                return found
            del self._chosen[thing]
        return None

    def _holds(self, node: Node) -> bool | None:
        """Return what is certain already, else None."""
        match node:
            case AllOf(children=children):
                return self._group(children, ends_on=False)
            case AnyOf(children=children):
                return self._group(children, ends_on=True)
            case Not(child=child):
                held = self._holds(child)
                return None if held is None else not held
            case _:
                region = self._chosen.get(thing_of(node))
                return None if region is None else region.holds[node]

    def _group(self, children: tuple[Node, ...], *, ends_on: bool) -> bool | None:
        is_open = False
        for child in children:
            held = self._holds(child)
            if held is ends_on:
                return ends_on
            is_open = is_open or held is None
        return None if is_open else not ends_on

    def _next(self, node: Node) -> Thing | None:
        """Return the thing of the first condition that is still open."""
        for atom in _atoms(node):
            thing = thing_of(atom)
            if thing not in self._chosen:
                return thing
        return None

    def _is_possible(self, thing: Thing) -> bool:
        """Say whether measures over the same events still agree."""
        sample = self._chosen[thing].sample
        return all(
            other == thing
            or (
                _agree(thing, sample, within=other, whole=region.sample)
                and _agree(other, region.sample, within=thing, whole=sample)
            )
            for other, region in self._chosen.items()
        )


def _agree(one: Thing, sample: object, *, within: Thing, whole: object) -> bool:
    """Whether `sample` can be measured over some of the events that `whole` is measured over."""
    if not is_part(one, within) or not isinstance(one, Measured):
        return True
    kinds = one.kind, getattr(within, "kind", "")
    match kinds:
        case ("count", "count"):
            return not _above(sample, whole)
        case (_, "count"):
            # Over no event there is nothing: no first, no sum but 0.
            return bool(whole) or not sample
        case ("count", "first" | "last"):
            return not sample or whole is not None
        case ("first" | "last", "first" | "last"):
            return sample is None or (whole is not None and _in_order(kinds, sample, whole))
        case _:
            return True


def _in_order(kinds: tuple[str, str], sample: object, whole: object) -> bool:
    """The first of some is not before the first of all, nor after the last; and so on."""
    if not isinstance(sample, datetime) or not isinstance(whole, datetime):
        return True
    return sample >= whole if kinds[1] == "first" else sample <= whole


def _above(one: object, other: object) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one > other
