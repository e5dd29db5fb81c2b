"""Say for one person why a condition holds or not, and when they were in a segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from consent import gate
from personalization.conditions.explain import Explanation, explain
from personalization.conditions.tree import Compare, Node, needs, parse, walk
from personalization.models import CustomerProfile, Segment
from personalization.profiles import catalogue, load
from personalization.segments import history
from personalization.segments.history import Stay

# The loader asks the gate; any purpose will do, for a permission names all that are granted.
_PURPOSE = "email_marketing"


@dataclass(frozen=True, slots=True)
class Part:
    """One condition: how it came out, what was seen, and how old that is."""

    explanation: Explanation
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Trace:
    is_in: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """`explanation` is None for a list, for a segment without a live version, and for the gone."""

    is_member: bool
    explanation: Explanation | None
    stays: Sequence[Stay]


def trace(tree: object, *, subject_id: int, now: datetime) -> Trace | None:
    """Evaluate for one living person with an address; None for anybody else. Raises TreeError."""
    node = parse(tree)
    whole = _whole(node, subject_id, now=now, with_address=True)
    if whole is None:
        return None
    fields = {path: inner.field for path, _, inner in walk(node) if isinstance(inner, Compare)}
    ages = _ages(subject_id)
    parts = (Part(each, at=each.at or ages.get(fields.get(each.path, ""))) for each in _flat(whole))
    return Trace(is_in=whole.outcome == "true", parts=tuple(parts))


def of_person(segment: Segment, profile_id: int, *, now: datetime) -> Explained:
    """Say whether somebody is a member, how the live condition comes out, and when they were in."""
    stays = history.of_person(profile_id).get(segment.pk, [])
    whole = None
    if segment.live is not None and segment.broken_since is None:
        tree = parse(segment.live.content["tree"])
        whole = _whole(tree, profile_id, now=now, with_address=False)
    return Explained(
        is_member=any(stay.left_at is None for stay in stays), explanation=whole, stays=stays
    )


def _whole(node: Node, profile_id: int, *, now: datetime, with_address: bool) -> Explanation | None:
    known = catalogue.load()
    found = load.profiles(
        gate.permissions([profile_id], purpose=_PURPOSE, at=now),
        needs=needs(node),
        catalogue=known,
        now=now,
        with_history=False,
        with_address=with_address,
    )
    return explain(node, facts=found[0].facts, now=now, catalogue=known) if found else None


def _flat(explanation: Explanation) -> Iterator[Explanation]:
    yield explanation
    for child in explanation.children:
        yield from _flat(child)


def _ages(subject_id: int) -> dict[str, datetime]:
    """Return by field since when its value is what it is."""
    profile = CustomerProfile.objects.only("traits", "traits_at", "origins").get(pk=subject_id)
    given = {
        path: datetime.fromisoformat(origin["at"])
        for path, origin in profile.origins.items()
        if isinstance(origin, dict) and isinstance(origin.get("at"), str)
    }
    if profile.traits_at is None:
        return given
    return given | {f"traits.{name}": profile.traits_at for name in profile.traits}
