"""Say for one person why a condition holds or not, and when they were in a segment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from consent import gate
from personalization.conditions.explain import Explanation, explain
from personalization.conditions.tree import Node, needs, parse
from personalization.models import Segment
from personalization.profiles import ages, catalogue, load
from personalization.segments import history
from personalization.segments.history import Stay

# The loader asks the gate; any purpose will do, for a permission names all that are granted.
_PURPOSE = "email_marketing"


@dataclass(frozen=True, slots=True)
class Trace:
    is_in: bool
    parts: tuple[Explanation, ...]


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
    return Trace(is_in=whole.outcome == "true", parts=tuple(_flat(whole)))


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
    if not found:
        return None
    since = ages.of(profile_id)
    return explain(node, facts=found[0].facts, now=now, catalogue=known, ages=since)


def _flat(explanation: Explanation) -> Iterator[Explanation]:
    yield explanation
    for child in explanation.children:
        yield from _flat(child)
