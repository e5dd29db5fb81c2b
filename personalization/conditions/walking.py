"""Go through a tree: every node with its path, and what the tree needs to be evaluated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from personalization.conditions.errors import join
from personalization.conditions.nodes import (
    PRODUCT_PREFIX,
    Absence,
    AllOf,
    AnyOf,
    Compare,
    Duration,
    EventMatch,
    Happened,
    InSegment,
    Node,
    Not,
    Sequence,
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a loader has to fetch; a window of None means the whole history."""

    fields: frozenset[str]
    events: Mapping[str, timedelta | None]
    segments: frozenset[str]
    # Events whose items are asked for (`product.…` in a `where`).
    items: frozenset[str] = frozenset()

    def union(self, other: "Needs") -> "Needs":
        windows = dict(self.events)
        for name, window in other.events.items():
            windows[name] = _wider(windows[name], window) if name in windows else window
        return Needs(
            fields=self.fields | other.fields,
            events=windows,
            segments=self.segments | other.segments,
            items=self.items | other.items,
        )


NOTHING = Needs(fields=frozenset(), events={}, segments=frozenset())


def walk(
    node: Node, path: str = "", event: EventMatch | None = None
) -> Iterator[tuple[str, EventMatch | None, Node]]:
    """Every node with its path; inside a `where` also with the event it is about."""
    yield path, event, node
    match node:
        case AllOf(children=children) | AnyOf(children=children):
            key = "all" if isinstance(node, AllOf) else "any"
            for index, child in enumerate(children):
                yield from walk(child, join(path, f"{key}[{index}]"), event)
        case Not(child=child):
            yield from walk(child, join(path, "not"), event)
        case Happened(match=match):
            yield from _walk_where(match, path=path)
        case Sequence(steps=steps):
            for index, step in enumerate(steps):
                at = join(path, f"sequence[{index}]")
                at = f"{at}.not" if isinstance(step, Absence) else at
                yield from _walk_where(step.match, path=at)


def _walk_where(match: EventMatch, *, path: str) -> Iterator[tuple[str, EventMatch | None, Node]]:
    if match.where is not None:
        yield from walk(match.where, join(path, "where"), match)


def needs(node: Node) -> Needs:
    total = NOTHING
    for _, event, inner in walk(node):
        total = total.union(_needs_of(inner, event=event))
    return total


def _needs_of(node: Node, *, event: EventMatch | None) -> Needs:
    match node:
        case Compare(field=path) if event is None:
            return Needs(fields=frozenset({path}), events={}, segments=frozenset())
        case Compare(field=path) if event is not None and path.startswith(PRODUCT_PREFIX):
            return Needs(frozenset(), {}, frozenset(), items=frozenset({event.name}))
        case InSegment(slug=slug):
            return Needs(fields=frozenset(), events={}, segments=frozenset({slug}))
        case Happened(match=match, within=within):
            return Needs(frozenset(), {match.name: _delta(within)}, frozenset())
        case Sequence(steps=steps, within=within):
            # Later steps lie between the first one and now, so inside the same window.
            windows = {step.match.name: _delta(within) for step in steps}
            return Needs(frozenset(), windows, frozenset())
        case _:
            return NOTHING


def _delta(within: Duration | None) -> timedelta | None:
    return within.delta if within is not None else None


def _wider(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return None if one is None or other is None else max(one, other)
