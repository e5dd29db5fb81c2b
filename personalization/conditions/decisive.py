"""Find the conditions of a tree that a person is in by, or out by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

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


Settle: TypeAlias = Callable[[Facts, datetime], list[Decisive]]


def compile_decisive(node: Node) -> Settle:
    """A function of facts and now that finds them: those that make the tree come out as it does."""
    match node:
        case AllOf(children=children) | AnyOf(children=children):
            return _group(node, children)
        case Not(child=AllOf() | AnyOf() as child):
            inner = compile_decisive(child)
            return lambda facts, now: [
                Decisive(_turned(part.node), not part.holds) for part in inner(facts, now)
            ]
        case _:
            holds = compile_tree(node)
            return lambda facts, now: [Decisive(node, holds(facts, now))]


def _group(node: Node, children: tuple[Node, ...]) -> Settle:
    holds = compile_tree(node)
    parts = [(compile_tree(child), compile_decisive(child)) for child in children]

    def group(facts: Facts, now: datetime) -> list[Decisive]:
        is_true = holds(facts, now)
        return [
            found
            for test, settle in parts
            if test(facts, now) is is_true
            for found in settle(facts, now)
        ]

    return group


def _turned(node: Node) -> Node:
    return node.child if isinstance(node, Not) else Not(node)
