"""Check a segment's condition tree; what is refused can be neither saved nor put live."""

from collections.abc import Mapping
from typing import Any

from personalization.conditions.fields import validate
from personalization.conditions.tree import InSegment, TreeError, dump, needs, parse, walk
from personalization.models import Segment, SegmentVersion, Versioned
from personalization.profiles import catalogue
from personalization.segments import nesting
from personalization.versions import Content, ContentInvalid, Problem, Publisher


def prepare(content: Content) -> Content:
    """Return the content with its tree in normal form, or raise ContentInvalid with paths."""
    tree = checked(content.get("tree"), path="tree")
    return {"tree": tree}


def checked(data: object, *, path: str) -> dict[str, Any]:
    """Parse and validate one tree that stands at `path` of a content."""
    try:
        node = parse(data)
    except TreeError as error:
        raise ContentInvalid([_problem(error, path=path)]) from error
    faults = validate(node, catalogue.load())
    if faults:
        raise ContentInvalid([_problem(fault, path=path) for fault in faults])
    return dump(node)


def cycle_through(slug: str, *, tree: Mapping[str, Any]) -> list[str]:
    """Return the chain of segments by which `slug` would contain itself, or nothing."""
    trees: dict[str, Any] = {
        segment.slug: segment.live.content["tree"]
        for segment in Segment.objects.exclude(live=None).select_related("live")
        if segment.live is not None
    }
    trees[slug] = tree
    return nesting.circle(
        slug, inner=lambda at: needs(parse(trees[at])).segments if at in trees else ()
    )


def _problem(error: TreeError, *, path: str) -> Problem:
    placed = error.below(path)
    return Problem(message=placed.message, path=placed.path)


def _fits(thing: Versioned, content: Content) -> None:
    """Refuse a tree by which the segment would, over others, contain itself, and any of a list."""
    if isinstance(thing, Segment) and thing.kind == Segment.Kind.LIST:
        message = "this is a list: who is on it is chosen by hand and follows from no condition"
        raise ContentInvalid([Problem(message, path="tree")])
    chain = cycle_through(thing.slug, tree=content["tree"])
    if chain:
        way = " → ".join(chain)
        message = f"this segment would contain itself: {way}; leave one of them out"
        raise ContentInvalid([Problem(message, path="tree")])


def _ready(thing: Versioned, content: Content) -> None:
    """Refuse a segment made of one that is a draft or put away: it would be broken at once."""
    kept = frozenset(Segment.objects.kept().values_list("slug", flat=True))
    problems = [
        _problem(TreeError(at, _unready(node.slug)), path="tree")
        for at, _, node in walk(parse(content["tree"]))
        if isinstance(node, InSegment) and node.slug not in kept
    ]
    if problems:
        raise ContentInvalid(problems)


def _unready(slug: str) -> str:
    if Segment.objects.filter(slug=slug, is_archived=True).exists():
        return f"the segment “{slug}” is archived: take it out, or bring it back first"
    return f"the segment “{slug}” has no live version: put that one live first, or take it out"


publisher = Publisher(versions=SegmentVersion, prepare=prepare, fits=_fits, ready=_ready)
