"""Find the conditions of a tree that a person is in by, or out by."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from personalization.conditions.facts import Facts
from personalization.conditions.nodes import AllOf, AnyOf, Compare, Happened, Node, Not, Sequence
from personalization.conditions.to_python import compile_tree


@dataclass(frozen=True, slots=True)
class Decisive:
    """One condition that settled it, and whether it holds."""

    node: Node
    holds: bool

    @property
    def events(self) -> frozenset[str]:
        match self.node:
            case Happened(match=match):
                return frozenset({match.name})
            case Sequence(steps=steps):
                return frozenset(step.match.name for step in steps)
            case Not(child=child):
                return Decisive(child, not self.holds).events
            case _:
                return frozenset()

    @property
    def is_field(self) -> bool:
        node = self.node.child if isinstance(self.node, Not) else self.node
        return isinstance(node, Compare)


def decisive(node: Node, *, facts: Facts, now: datetime) -> list[Decisive]:
    """Return the conditions that make the tree come out as it does for this person."""
    return list(_decisive(node, facts=facts, now=now))


def _decisive(node: Node, *, facts: Facts, now: datetime) -> Iterator[Decisive]:
    match node:
        case AllOf(children=children) | AnyOf(children=children):
            holds = compile_tree(node)(facts, now)
            for child in children:
                if compile_tree(child)(facts, now) is holds:
                    yield from _decisive(child, facts=facts, now=now)
        case Not(child=AllOf() | AnyOf() as child):
            for part in _decisive(child, facts=facts, now=now):
                yield Decisive(_turned(part.node), not part.holds)
        case _:
            yield Decisive(node, compile_tree(node)(facts, now))


def _turned(node: Node) -> Node:
    return node.child if isinstance(node, Not) else Not(node)
