"""Find a person for whom a condition would hold, or make sure that there can be none."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from personalization.conditions.nodes import AllOf, AnyOf, Node, Not
from personalization.rules.regions import (
    Atom,
    Region,
    Thing,
    TooComplex,
    is_at_most,
    regions,
    thing_of,
)

STEPS_AT_MOST = 20_000
# What each thing is in the person found.
Witness: TypeAlias = dict[Thing, Region]


def witness(node: Node, *, now: datetime) -> Witness | None:
    """Return values for which `node` holds, or None where no person can have such values.

    None is certain. What is found is a possible person, unless segments or sequences that hang
    together say otherwise. Raises TooComplex rather than to search for long.
    """
    found = regions(_atoms(node), now=now)
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
        """Say whether counts that limit each other still agree."""
        count = self._chosen[thing].sample
        for other, region in self._chosen.items():
            if is_at_most(thing, other) and _above(count, region.sample):
                return False
            if is_at_most(other, thing) and _above(region.sample, count):
                return False
        return True


def _above(one: object, other: object) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one > other
