"""Keep members up to date as people change: take who waits, look at them, store what moved."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from personalization.models import Segment
from personalization.segments import (
    changes,
    looking,
    membership,
    reasons,
    standing,
    timing,
    unasked,
    waiting,
)
from personalization.segments.changes import Move
from personalization.segments.looking import Before
from personalization.segments.reasons import Touched
from personalization.segments.standing import Look, Standing
from personalization.segments.waiting import Work

BATCH = 1000
# So that one task ends before the worker is asked why it takes so long; the next goes on.
MOST_BATCHES = 100

_MEMBERS = """
SELECT profile_id, segment_id FROM personalization_segmentmembership WHERE profile_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: `is_noted` that some were noted whom time may move, `is_busy` that somebody
    else is at it, `is_rest` that nobody else waited."""

    people: int = 0
    entered: int = 0
    left: int = 0
    rebuilt: int = 0
    is_noted: bool = False
    is_busy: bool = False
    is_rest: bool = False

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
    """Work until nobody waits, nobody is due and no segment is stale, all as of one moment."""
    return keep_up(clock=lambda: now, limit=limit, most=most)


def keep_up(*, clock: Callable[[], datetime], limit: int = BATCH, most: int = MOST_BATCHES) -> Done:
    """Work until nobody waits, nobody is due and no segment is stale.

    Each batch asks the clock: by that of the first, what came since would still lie ahead.
    """
    total = Done()
    for _ in range(most):
        done = one_batch(now=clock(), limit=limit)
        total += done
        # Whoever noted somebody while we were at it found us busy, and left them to us.
        is_over = done.is_rest and not (waiting.is_anybody() or timing.is_unfinished())
        if done.is_busy or is_over:
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
        if len(stale) == len(current.parts) and not current.broken:
            # Everybody is counted for all of them, and after that whom time moves is found out.
            waiting.forget()
        return Done(rebuilt=membership.rebuild_stale(stale, now=now))
    if not current.parts and not unasked.is_anything_kept():
        unasked.forget_all()
        return Done(is_rest=True)
    unasked.forget_events(but=current.needs.events)
    waiting.spread_products(events=current.needs.items)
    work = waiting.take(limit=limit, now=now)
    if not work.people:
        is_noted = timing.note_part(catalogue=current.catalogue, now=now)
        return Done(is_noted=is_noted, is_rest=not is_noted)
    return _look_at(work, current=current, now=now)


def _look_at(work: Work, *, current: Standing, now: datetime) -> Done:
    people, ids = work.people, sorted(work.people)
    before = Before(members=_members(ids), due=waiting.due(ids))
    looks, current = looking.looks(people, before=before, current=current, now=now)
    entering, leaving = _moves(
        people, looks=looks, members=before.members, current=current, now=now
    )
    entered, left = changes.write(entering=entering, leaving=leaving, now=now)
    moments = {pk: looks[pk].until if pk in looks else None for pk in ids}
    waiting.schedule(moments, known=before.due)
    return Done(people=len(ids), entered=entered, left=left, is_rest=work.is_all)


def _moves(
    people: Mapping[int, Sequence[Touched]],
    *,
    looks: Mapping[int, Look],
    members: Mapping[int, set[int]],
    current: Standing,
    now: datetime,
) -> tuple[list[Move], list[Move]]:
    """Compare how everybody stands with who is a member.

    Who is gone leaves every segment; a broken one keeps the others as they are.
    """
    parts = current.by_slug
    entering: list[Move] = []
    leaving: list[Move] = []
    for pk, touches in people.items():
        look, inside = looks.get(pk), members.get(pk, set())
        wanted = {parts[slug].id for slug in look.slugs if slug in parts} if look else set()
        ended = inside - wanted
        if look is not None:
            ended -= current.broken
        for segment_id in sorted((wanted - inside) | ended):
            part = current.by_id.get(segment_id)
            why = reasons.why(
                part.settle if part else None,
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
