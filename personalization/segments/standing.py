"""All segments that are kept up to date, compiled: what they need and how a person is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import ClassVar, TypeAlias

from django.db import connection

from personalization.conditions import nodes
from personalization.conditions.decisive import Settle, compile_decisive
from personalization.conditions.expiry import Timed, compile_timed, earliest
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.conditions.tree import NOTHING, Needs, Node, needs, walk
from personalization.models import Segment
from personalization.profiles import catalogue as catalogues
from personalization.profiles.batch import Known
from personalization.segments import health
from personalization.segments.health import Checked

# What a closure can raise over data that nobody thought of; anything else is a fault of ours.
FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# All that decides how people stand; sizes and the like are no part of it.
_MARK = """
SELECT (
    SELECT md5(string_agg(ROW(
        s.id, s.slug, s.name, s.kind, s.live_id, s.is_archived, s.is_stale, s.broken_since IS NULL,
        s.faults, v.content)::text, ' ' ORDER BY s.id))
    FROM personalization_segment s LEFT JOIN personalization_segmentversion v ON v.id = s.live_id
), (SELECT md5(string_agg(f::text, ' ' ORDER BY f.id)) FROM personalization_field f)
"""
# By which sets of events parts of a standing are remembered.
_MOST_SETS = 500

Mark: TypeAlias = tuple[str | None, str | None, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """One segment; without a tree it is a list, and standing on it is what counts.

    `told` are the events whose properties it looks at; `settle` says what decided about somebody.
    """

    id: int
    slug: str
    version_id: int | None
    tree: Node | None
    timed: Timed | None
    settle: Settle | None
    needs: Needs
    told: frozenset[str]

    def follows(self, *, events: frozenset[str], slugs: set[str]) -> bool:
        """Whether such events, or such segments inside it, can change it."""
        return not events.isdisjoint(self.needs.events) or bool(self.needs.segments & slugs)


@dataclass(frozen=True, slots=True)
class Look:
    """How one person stands: in which segments, and until when time alone cannot change it."""

    slugs: frozenset[str]
    until: datetime | None
    loaded: Facts

    @property
    def facts(self) -> Facts:
        """What each segment was decided by."""
        return replace(self.loaded, segments=self.slugs)


@dataclass(slots=True)
class Standing:
    """The parts come in an order in which those that others are made of are first."""

    parts: Sequence[Part]
    catalogue: Catalogue
    broken: frozenset[int]
    needs: Needs = field(init=False)
    # Events whose properties are looked at.
    told: frozenset[str] = field(init=False)
    slugs: frozenset[str] = field(init=False)
    by_id: dict[int, Part] = field(init=False)
    by_slug: dict[str, Part] = field(init=False)
    _followers: "dict[frozenset[str], Standing]" = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.needs = reduce(Needs.union, (part.needs for part in self.parts), NOTHING)
        self.told = frozenset(name for part in self.parts for name in part.told)
        self.by_id = {part.id: part for part in self.parts}
        self.by_slug = {part.slug: part for part in self.parts}
        self.slugs = frozenset(self.by_slug)

    @property
    def has_lists(self) -> bool:
        return any(part.tree is None for part in self.parts)

    def following(self, events: frozenset[str]) -> "Standing":
        """Only the parts that such events can change, and what is made of these."""
        asked = events.intersection(self.needs.events)
        found = self._followers.get(asked)
        if found is None:
            slugs: set[str] = set()
            parts = []
            for part in self.parts:
                if part.follows(events=asked, slugs=slugs):
                    slugs.add(part.slug)
                    parts.append(part)
            if len(self._followers) >= _MOST_SETS:
                self._followers.clear()
            found = self._followers[asked] = Standing(parts, self.catalogue, broken=self.broken)
        return found

    def without(self, failed: "Failed") -> "Standing":
        """Go on without a segment that failed, and without those made of it."""
        out = {failed.part.slug}
        parts = []
        for part in self.parts:
            if part.slug in out or part.needs.segments & out:
                out.add(part.slug)
            else:
                parts.append(part)
        gone = {part.id for part in self.parts} - {part.id for part in parts}
        return Standing(parts, self.catalogue, broken=self.broken | gone)

    def look(self, known: Known, *, stands: frozenset[str] = frozenset(), now: datetime) -> Look:
        """Decide all segments for one person; raise Failed for the first that cannot be.

        `stands` are the segments that are no part of this and that the person is in.
        """
        facts, until = known.facts, None
        within = {*facts.segments, *stands}
        for part in self.parts:
            if part.timed is None:
                continue
            is_nested = bool(part.needs.segments)
            seen = replace(facts, segments=frozenset(within)) if is_nested else facts
            try:
                holds, moment = part.timed(seen, now, known.lapses)
            except FAILURES as error:
                raise Failed(part, error) from error
            if holds:
                within.add(part.slug)
            until = earliest(until, moment)
        return Look(slugs=frozenset(within), until=until, loaded=facts)


class Failed(Exception):
    """A segment whose evaluation raised; only it, and what is made of it, stops."""

    def __init__(self, part: Part, error: Exception) -> None:
        self.part = part
        super().__init__(f"working on it failed: {type(error).__name__}: {error}"[:250])


class _Kept:
    """What was compiled last, and the mark of all that went into it."""

    mark: ClassVar[Mark | None] = None
    standing: ClassVar[Standing | None] = None


def standing(*, now: datetime) -> tuple[Standing, list[Segment]]:
    """Check and compile all segments; return them with those whose members are stale.

    Nothing is done twice until a segment, a field or the known events change.
    """
    mark = _mark()
    if _Kept.standing is not None and _Kept.mark == mark:
        return _Kept.standing, []
    checked, catalogue = health.settle(now=now)
    sound = [each for each in checked if not each.is_broken]
    stale = [each.segment for each in sound if each.segment.is_stale]
    broken = frozenset(each.segment.pk for each in checked if each.is_broken)
    parts = [_part(each, catalogue=catalogue) for each in sound]
    current = Standing(parts, catalogue, broken=broken)
    # What the check itself changed is to be found again, should this be rolled back.
    if not stale and _mark() == mark:
        _Kept.mark, _Kept.standing = mark, current
    return current, stale


def _mark() -> Mark:
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        segments, fields = cursor.fetchone()
    return segments, fields, tuple(catalogues.event_names())


def _part(each: Checked, *, catalogue: Catalogue) -> Part:
    tree = each.tree
    return Part(
        id=each.segment.pk,
        slug=each.segment.slug,
        version_id=each.segment.live_id,
        tree=tree,
        timed=None if tree is None else compile_timed(tree, catalogue=catalogue),
        settle=None if tree is None else compile_decisive(tree),
        needs=NOTHING if tree is None else needs(tree),
        told=frozenset() if tree is None else frozenset(_told(tree)),
    )


def _told(tree: Node) -> Iterator[str]:
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
