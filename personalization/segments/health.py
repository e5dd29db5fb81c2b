"""Which segments are broken and why: a broken one is neither kept up to date nor used."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from consent.gate import permitted_sql
from personalization.conditions.fields import Catalogue
from personalization.conditions.to_sql import to_sql
from personalization.conditions.tree import InSegment, Node, TreeError, needs, parse, walk
from personalization.models import Segment
from personalization.profiles import catalogue as catalogues
from personalization.segments import nesting

# A fault found while it was worked on; it stays until the version changes or somebody rebuilds.
EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class Checked:
    """A segment that is kept: its tree (a list has none), or what is wrong with it."""

    segment: Segment
    tree: Node | None
    faults: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_broken(self) -> bool:
        return bool(self.faults)


def fault(message: str, *, path: str = "", **more: Any) -> dict[str, Any]:
    return {"path": path, "message": message, **more}


def settle(*, now: datetime) -> tuple[list[Checked], Catalogue]:
    """Check all segments, store what changed; return them, inner ones first, with the catalogue.

    One that is mended is stale: its members are computed anew before they are used.
    """
    known = catalogues.load()
    kept = list(Segment.objects.kept().select_related("live").order_by("pk"))
    found = check(kept, catalogue=known, now=now)
    for each in found:
        _store(each, now=now)
    return found, known


def check(segments: Sequence[Segment], *, catalogue: Catalogue, now: datetime) -> list[Checked]:
    """Say of each segment whether it can be evaluated; those that others need come first."""
    others = dict(Segment.objects.values_list("slug", "is_archived"))
    checker = _Checker(segments, archived=others, catalogue=catalogue, now=now)
    for segment in segments:
        checker.visit(segment.slug, path=())
    return list(checker.done.values())


def problems(segments: Iterable[Segment]) -> list[str]:
    """Say of broken segments what to mend, for who wanted to use them."""
    return [
        f"The segment “{segment.name}” is broken and cannot be used: {first(segment)}. "
        "Open the segment and mend it there."
        for segment in segments
        if segment.broken_since is not None
    ]


def unusable(slugs: Collection[str]) -> dict[str, str]:
    """Say of those of these segments that nobody may use, by slug, why not (one query)."""
    if not slugs:
        return {}
    known = {segment.slug: segment for segment in Segment.objects.filter(slug__in=slugs)}
    found = {slug: _useless(slug, known.get(slug)) for slug in slugs}
    return {slug: reason for slug, reason in found.items() if reason}


def _useless(slug: str, segment: Segment | None) -> str:
    if segment is None:
        return f"there is no segment “{slug}”"
    if segment.is_archived:
        return f"the segment “{segment.name}” is archived"
    if segment.live_id is None and segment.kind == Segment.Kind.CONDITION:
        return f"the segment “{segment.name}” has no live version"
    if segment.broken_since is not None:
        return f"the segment “{segment.name}” is broken ({first(segment)})"
    return ""


def first(segment: Segment) -> str:
    """Return the first fault of a segment with its place."""
    if not segment.faults:
        return ""
    found = segment.faults[0]
    return f"{found['path']}: {found['message']}" if found.get("path") else found["message"]


def break_down(segment_id: int, *, version_id: int | None, message: str, now: datetime) -> None:
    """Take a segment out of use because working on it failed."""
    faults = [fault(message, kind=EVALUATION, version=version_id)]
    Segment.objects.filter(pk=segment_id).update(faults=faults, broken_since=now)


def forgive(segment: Segment) -> None:
    """Forget that working on it failed; what is wrong in its tree is found again."""
    Segment.objects.filter(pk=segment.pk).update(faults=[], broken_since=None, is_stale=True)


def _store(each: Checked, *, now: datetime) -> None:
    segment, faults = each.segment, list(each.faults)
    if segment.faults == faults:
        return
    rows = Segment.objects.filter(pk=segment.pk)
    if faults:
        since = segment.broken_since or now
        rows.update(faults=faults, broken_since=since)
        segment.broken_since = since
    else:
        rows.update(faults=[], broken_since=None, is_stale=True)
        segment.broken_since, segment.is_stale = None, True
    segment.faults = [dict(found) for found in faults]


class _Checker:
    def __init__(
        self,
        segments: Sequence[Segment],
        *,
        archived: Mapping[str, bool],
        catalogue: Catalogue,
        now: datetime,
    ) -> None:
        self.segments = {segment.slug: segment for segment in segments}
        self.archived = archived
        self.catalogue = catalogue
        self.now = now
        self.done: dict[str, Checked] = {}
        self.contained: dict[str, frozenset[str]] = {}

    def visit(self, slug: str, *, path: tuple[str, ...]) -> Checked:
        if slug in self.done:
            return self.done[slug]
        segment = self.segments[slug]
        tree, faults = None, [*_in_flight(segment)]
        if segment.live is not None and segment.kind == Segment.Kind.CONDITION:
            tree, wrong = self._tree(segment.live.content.get("tree"))
            faults += wrong
        if tree is not None and not faults:
            faults += self._inner(tree, path=(*path, slug))
        found = Checked(segment=segment, tree=tree, faults=tuple(faults))
        self.done.setdefault(slug, found)
        return self.done[slug]

    def _tree(self, data: object) -> tuple[Node | None, list[dict[str, Any]]]:
        try:
            tree = parse(data)
            to_sql(
                tree,
                catalogue=self.catalogue,
                permitted=partial(permitted_sql, at=self.now),
                now=self.now,
            )
        except TreeError as error:
            return None, [fault(error.message, path=error.path)]
        return tree, []

    def _inner(self, tree: Node, *, path: tuple[str, ...]) -> list[dict[str, Any]]:
        # All that it needs first, so that one broken inside is known before this one is judged.
        for slug in sorted(needs(tree).segments):
            if slug in self.segments and slug not in path:
                self.visit(slug, path=path)
        return [
            fault(message, path=at)
            for at, _, node in walk(tree)
            if isinstance(node, InSegment) and (message := self._wrong(node.slug, own=path[-1]))
        ]

    def _wrong(self, slug: str, *, own: str) -> str:
        if chain := nesting.way(slug, to=own, inner=self._contained):
            way = " → ".join((own, *chain))
            return f"the segment would contain itself: {way}; leave one of them out"
        if slug not in self.segments:
            if self.archived.get(slug):
                return f"the segment “{slug}” is archived; take it out, or bring it back"
            return f"the segment “{slug}” has no live version; put it live, or take it out"
        if slug not in self.done or self.done[slug].is_broken:
            return f"the segment “{slug}” is broken; mend that one first"
        return ""

    def _contained(self, slug: str) -> frozenset[str]:
        if slug not in self.contained:
            segment = self.segments.get(slug)
            data = segment.live.content.get("tree") if segment and segment.live else None
            try:
                self.contained[slug] = needs(parse(data)).segments if data else frozenset()
            except TreeError:
                self.contained[slug] = frozenset()
        return self.contained[slug]


def _in_flight(segment: Segment) -> list[dict[str, Any]]:
    return [
        dict(found)
        for found in segment.faults
        if found.get("kind") == EVALUATION and found.get("version") == segment.live_id
    ]
