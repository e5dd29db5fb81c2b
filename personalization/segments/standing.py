"""All segments that are kept up to date, compiled: what they need and how a person is looked at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from personalization.conditions import nodes
from personalization.conditions.expiry import Timed, compile_timed, earliest
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import NOTHING, Needs, Node, needs, walk
from personalization.models import Segment
from personalization.profiles.batch import Known
from personalization.segments import health
from personalization.segments.health import Checked

# What a closure can raise over data that nobody thought of; anything else is a fault of ours.
FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Part:
    """One segment; without a tree it is a list, and standing on it is what counts."""

    id: int
    slug: str
    version_id: int | None
    tree: Node | None
    timed: Timed | None
    is_nested: bool


@dataclass(frozen=True, slots=True)
class Look:
    """How one person stands: in which segments, until when time alone cannot change it, and the
    facts each segment was decided by."""

    slugs: frozenset[str]
    until: datetime | None
    facts: Facts


@dataclass(slots=True)
class Standing:
    """The parts come in an order in which those that others are made of are first."""

    parts: Sequence[Part]
    catalogue: Catalogue
    broken: frozenset[int]
    needs: Needs = field(init=False)
    # Events whose properties are looked at.
    told: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        trees = [part.tree for part in self.parts if part.tree is not None]
        self.needs = reduce(Needs.union, map(needs, trees), NOTHING)
        self.told = frozenset(name for tree in trees for name in _told(tree))

    @property
    def segment_ids(self) -> list[int]:
        return [part.id for part in self.parts]

    def without(self, failed: "Failed") -> "Standing":
        """Go on without a segment that failed, and without those made of it."""
        out = {failed.part.slug}
        parts = []
        for part in self.parts:
            if part.slug in out or (part.tree is not None and needs(part.tree).segments & out):
                out.add(part.slug)
            else:
                parts.append(part)
        gone = {part.id for part in self.parts} - {part.id for part in parts}
        return Standing(parts, self.catalogue, broken=self.broken | gone)

    def look(self, known: Known, *, now: datetime) -> Look:
        """Decide all segments for one person; raise Failed for the first that cannot be."""
        facts, until = known.facts, None
        within = set(facts.segments)
        for part in self.parts:
            if part.timed is None:
                continue
            seen = replace(facts, segments=frozenset(within)) if part.is_nested else facts
            try:
                holds, moment = part.timed(seen, now, known.lapses)
            except FAILURES as error:
                raise Failed(part, error) from error
            if holds:
                within.add(part.slug)
            until = earliest(until, moment)
        slugs = frozenset(within)
        return Look(slugs=slugs, until=until, facts=replace(facts, segments=slugs))


class Failed(Exception):
    """A segment whose evaluation raised; only it, and what is made of it, stops."""

    def __init__(self, part: Part, error: Exception) -> None:
        self.part = part
        super().__init__(f"working on it failed: {type(error).__name__}: {error}"[:250])


def standing(*, now: datetime) -> tuple[Standing, list[Segment]]:
    """Check and compile all segments; return them with those whose members are stale."""
    checked, catalogue = health.settle(now=now)
    sound = [each for each in checked if not each.is_broken]
    stale = [each.segment for each in sound if each.segment.is_stale]
    broken = frozenset(each.segment.pk for each in checked if each.is_broken)
    parts = [_part(each, catalogue=catalogue) for each in sound]
    return Standing(parts, catalogue, broken=broken), stale


def by_slug(parts: Iterable[Part]) -> Mapping[str, Part]:
    return {part.slug: part for part in parts}


def _part(each: Checked, *, catalogue: Catalogue) -> Part:
    tree = each.tree
    return Part(
        id=each.segment.pk,
        slug=each.segment.slug,
        version_id=each.segment.live_id,
        tree=tree,
        timed=None if tree is None else compile_timed(tree, catalogue=catalogue),
        is_nested=tree is not None and bool(needs(tree).segments),
    )


def _told(tree: Node) -> Iterable[str]:
    for _, event, node in walk(tree):
        if event is not None:
            yield event.name
        match node:
            case nodes.Happened(match=match, measure=measure):
                if measure.property is not None and measure.property not in nodes.AMOUNT_PROPERTIES:
                    yield match.name
                if match.where is not None:
                    yield match.name
            case nodes.Sequence(steps=steps):
                yield from (step.match.name for step in steps if step.match.where is not None)
