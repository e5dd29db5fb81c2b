"""Who was in a segment when, who came and went lately and why, and how large it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from personalization.models import Segment, SegmentDay, SegmentMembership, SegmentPast, SegmentTouch
from personalization.segments.reasons import Why

BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Stay:
    """A time somebody was in a segment; `left_at` is None while they are."""

    profile_id: int
    entered_at: datetime
    left_at: datetime | None
    entered_why: Why | None
    left_why: Why | None


@dataclass(frozen=True, slots=True)
class Moved:
    """Somebody came or went."""

    profile_id: int
    at: datetime
    kind: Literal["entered", "left"]
    why: Why | None


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    size: int
    entered: int
    left: int


def was_in(segment: Segment, *, at: datetime) -> dict[int, datetime]:
    """Return who was in a segment at a moment, and since when (two queries)."""
    now_in = segment.memberships.filter(entered_at__lte=at)
    gone = segment.past.filter(entered_at__lte=at, left_at__gt=at)
    return {
        **dict(now_in.values_list("profile_id", "entered_at")),
        **dict(gone.values_list("profile_id", "entered_at")),
    }


def moved_since(segment: Segment, *, at: datetime) -> tuple[int, int]:
    """Count who are in it and were not at a moment, and who were and are not (two queries)."""
    inside = SegmentMembership.objects.filter(segment=segment, profile=OuterRef("profile"))
    stays = segment.past.filter(entered_at__lte=at, left_at__gt=at)
    before = stays.filter(profile=OuterRef("profile"))
    came = segment.memberships.filter(~Exists(before), entered_at__gt=at).count()
    return came, stays.filter(~Exists(inside)).count()


def size_at(segment: Segment, *, at: datetime) -> int:
    """Count who was in a segment at a moment."""
    gone = segment.past.filter(entered_at__lte=at, left_at__gt=at)
    # Nobody can be in it twice at one time, so the two add up.
    return segment.memberships.filter(entered_at__lte=at).count() + gone.count()


def of_person(profile_id: int) -> Mapping[int, list[Stay]]:
    """Return all stays of a person by segment, the latest first (two queries)."""
    found: dict[int, list[Stay]] = {}
    for each in SegmentMembership.objects.filter(profile=profile_id):
        stay = Stay(profile_id, each.entered_at, None, each.why, None)
        found.setdefault(each.segment_id, []).append(stay)
    for past in SegmentPast.objects.filter(profile=profile_id).order_by("-left_at"):
        stay = Stay(profile_id, past.entered_at, past.left_at, past.entered_why, past.left_why)
        found.setdefault(past.segment_id, []).append(stay)
    return found


def lately(segment: Segment, *, count: int) -> list[Moved]:
    """Return the latest who came or went, newest first (two queries)."""
    entered = [
        Moved(each.profile_id, each.entered_at, "entered", each.why)
        for each in segment.memberships.order_by("-entered_at", "-pk")[:count]
    ]
    # Whose entering is among the latest left later still, so they are among the latest to leave.
    gone = list(segment.past.order_by("-left_at", "-pk")[:count])
    left = [Moved(each.profile_id, each.left_at, "left", each.left_why) for each in gone]
    entered += [
        Moved(each.profile_id, each.entered_at, "entered", each.entered_why) for each in gone
    ]
    return sorted(left + entered, key=lambda moved: moved.at, reverse=True)[:count]


def causes(segment: Segment, *, since: datetime) -> list[tuple[str, int, int]]:
    """Return by cause in words how many entered and left since a moment, the most first."""
    found: dict[str, list[int]] = {}
    rows = segment.memberships.filter(entered_at__gte=since).values("why__cause")
    for row in rows.annotate(count=Count("pk")).order_by():
        found.setdefault(row["why__cause"] or "", [0, 0])[0] += row["count"]
    gone = segment.past.filter(Q(entered_at__gte=since) | Q(left_at__gte=since))
    for side, column in ((0, "entered"), (1, "left")):
        past = gone.filter(**{f"{column}_at__gte": since}).values(f"{column}_why__cause")
        for row in past.annotate(count=Count("pk")).order_by():
            found.setdefault(row[f"{column}_why__cause"] or "", [0, 0])[side] += row["count"]
    told = [(cause_words(cause), came, went) for cause, (came, went) in found.items()]
    return sorted(told, key=lambda each: -(each[1] + each[2]))


def cause_words(cause: str) -> str:
    return dict(SegmentTouch.Cause.choices).get(cause, "Not noted")


def days(segment: Segment, *, count: int, today: date) -> list[Day]:
    """Return the last days of a segment, oldest first; a day on which nothing moved is as the one
    before. Days before the first that is known are left out."""
    first = today - timedelta(days=count - 1)
    rows = list(segment.days.filter(day__lte=today).order_by("day"))
    before = [row for row in rows if row.day < first]
    known = {row.day: row for row in rows if row.day >= first}
    size = before[-1].size if before else None
    found: list[Day] = []
    for offset in range(count):
        day = first + timedelta(days=offset)
        row = known.get(day)
        size = row.size if row else size
        if size is not None:
            found.append(_day(day, size=size, row=row))
    return found


def _day(day: date, *, size: int, row: SegmentDay | None) -> Day:
    return Day(day, size=size, entered=row.entered if row else 0, left=row.left if row else 0)


def forget_old(*, now: datetime) -> int:
    """Delete stays that ended, and sizes, longer ago than the settings allow; batch by batch."""
    before = now - timedelta(days=settings.ATTUNE_SEGMENT_HISTORY_DAYS)
    SegmentDay.objects.filter(day__lt=before.astimezone(UTC).date()).delete()
    total = 0
    while True:
        old: Sequence[int] = list(
            SegmentPast.objects.filter(left_at__lt=before).values_list("pk", flat=True)[:BATCH]
        )
        if not old:
            return total
        total += SegmentPast.objects.filter(pk__in=old).delete()[0]
