"""Keep members up to date as people change: take who waits, look at them, store what moved."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from personalization.models import Segment
from personalization.profiles import batch
from personalization.segments import (
    changes,
    health,
    membership,
    reasons,
    standing,
    timing,
    waiting,
)
from personalization.segments.changes import Move
from personalization.segments.reasons import Touched
from personalization.segments.standing import Failed, Look, Standing, by_slug

BATCH = 1000
# So that one task ends before the worker is asked why it takes so long; the next goes on.
MOST_BATCHES = 100

_MEMBERS = """
SELECT profile_id, segment_id FROM personalization_segmentmembership WHERE profile_id = ANY(%s)
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: `is_noted` that some were noted whom time may move, `is_busy` that somebody
    else is at it."""

    people: int = 0
    entered: int = 0
    left: int = 0
    rebuilt: int = 0
    is_noted: bool = False
    is_busy: bool = False

    @property
    def is_idle(self) -> bool:
        return not (self.people or self.rebuilt or self.is_noted)

    def __add__(self, other: "Done") -> "Done":
        return Done(
            people=self.people + other.people,
            entered=self.entered + other.entered,
            left=self.left + other.left,
            rebuilt=self.rebuilt + other.rebuilt,
            is_noted=self.is_noted or other.is_noted,
            is_busy=self.is_busy or other.is_busy,
        )


def catch_up(*, now: datetime, limit: int = BATCH, most: int = MOST_BATCHES) -> Done:
    """Work until nobody waits, nobody is due and no segment is stale."""
    total = Done()
    for _ in range(most):
        done = one_batch(now=now, limit=limit)
        total += done
        if done.is_busy or done.is_idle:
            break
    return total


def make_stale() -> None:
    """Have all segments counted over everybody, where nobody can say who is touched."""
    Segment.objects.kept().update(is_stale=True)


@transaction.atomic
def one_batch(*, now: datetime, limit: int = BATCH) -> Done:
    """Do the next piece of work in one transaction; a constant number of queries.

    What is stale goes first: until a new condition was counted over everybody, its members are
    those of the old one.
    """
    if not changes.claim(is_patient=False):
        return Done(is_busy=True)
    current, stale = standing.standing(now=now)
    if stale:
        return Done(rebuilt=membership.rebuild_stale(stale, now=now))
    waiting.spread_products(events=current.needs.items)
    work = waiting.take(limit=limit, now=now)
    if not work.people:
        return Done(is_noted=timing.note_part(catalogue=current.catalogue, now=now))
    return _look_at(work.people, current=current, now=now)


def _look_at(people: Mapping[int, Sequence[Touched]], *, current: Standing, now: datetime) -> Done:
    ids = sorted(people)
    known = batch.known(
        ids, needs=current.needs, told=current.told, catalogue=current.catalogue, now=now
    )
    looks: dict[int, Look] = {}
    while len(looks) < len(known):
        try:
            looks = {each.facts.profile_id: current.look(each, now=now) for each in known}
        except Failed as failed:
            current = _break(failed, current=current, now=now)
    entering, leaving = _moves(people, looks=looks, current=current, now=now)
    entered, left = changes.write(entering=entering, leaving=leaving, now=now)
    waiting.schedule({pk: looks[pk].until if pk in looks else None for pk in ids})
    return Done(people=len(ids), entered=entered, left=left)


def _break(failed: Failed, *, current: Standing, now: datetime) -> Standing:
    part = failed.part
    logger.error("segment failed", extra={"segment": part.slug, "reason": str(failed)})
    health.break_down(part.id, version_id=part.version_id, message=str(failed), now=now)
    return current.without(failed)


def _moves(
    people: Mapping[int, Sequence[Touched]],
    *,
    looks: Mapping[int, Look],
    current: Standing,
    now: datetime,
) -> tuple[list[Move], list[Move]]:
    """Compare how everybody stands with who is a member.

    Who is gone leaves every segment; a broken one keeps the others as they are.
    """
    parts = by_slug(current.parts)
    kept = {part.id: part for part in current.parts}
    members = _members(sorted(people))
    entering: list[Move] = []
    leaving: list[Move] = []
    for pk, touches in people.items():
        look = looks.get(pk)
        wanted = {parts[slug].id for slug in look.slugs if slug in parts} if look else set()
        ended = members[pk] - wanted
        if look is not None:
            ended -= current.broken
        for segment_id in sorted((wanted - members[pk]) | ended):
            part = kept.get(segment_id)
            why = reasons.why(
                part.tree if part else None,
                facts=look.facts if look else None,
                touches=touches,
                catalogue=current.catalogue,
                now=now,
            )
            moves = entering if segment_id in wanted else leaving
            moves.append(Move(segment_id=segment_id, profile_id=pk, why=why))
    return entering, leaving


def _members(ids: Sequence[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [list(ids)])
        for profile_id, segment_id in cursor.fetchall():
            found[profile_id].add(segment_id)
    return found
