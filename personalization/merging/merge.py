"""Join two profiles: events, days, carts, orders and values of both are one person's; and part
them again, each with what is theirs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from consent import identify, merging
from consent.merging import MergeRefused
from consent.models import Merge
from personalization.commerce import state
from personalization.merging import moving, proposals, values
from personalization.models import ProfileDue, SegmentMembership, SegmentTouch

_DUE = """
INSERT INTO personalization_profile_due (work, profile_id)
SELECT %s, profile_id FROM unnest(%s::bigint[]) AS profile_id
WHERE EXISTS (SELECT 1 FROM personalization_customerprofile p WHERE p.subject_id = profile_id)
ON CONFLICT DO NOTHING
"""
_RETURN = """
INSERT INTO personalization_segmentmembership (segment_id, profile_id, entered_at)
SELECT segment.id, %s, given.entered_at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (segment_id, entered_at)
JOIN personalization_segment AS segment ON segment.id = given.segment_id
ON CONFLICT (segment_id, profile_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Pair:
    kept_id: int
    absorbed_id: int
    reason: str


def merge(
    kept_id: int,
    absorbed_id: int,
    *,
    reason: str,
    source: str,
    actor: AbstractBaseUser | None,
    now: datetime,
) -> Merge:
    """Make one person of two; the values of `kept_id` win. MergeRefused where that cannot be."""
    pair = Pair(kept_id=kept_id, absorbed_id=absorbed_id, reason=reason)
    (made,) = merge_many([pair], source=source, actor=actor, now=now)
    return made


@transaction.atomic
def merge_many(
    pairs: Sequence[Pair], *, source: str, actor: AbstractBaseUser | None, now: datetime
) -> list[Merge]:
    """Join pairs of living people in their order; a constant number of statements."""
    identify.wait_for_others()
    rows = {row for pair in pairs for row in (pair.kept_id, pair.absorbed_id)}
    merging.hold(rows)
    seen = values.own_seen({pair.kept_id for pair in pairs})
    members = _memberships({pair.absorbed_id for pair in pairs})
    joined = [
        merging.Pair(
            kept_id=pair.kept_id,
            absorbed_id=pair.absorbed_id,
            reason=pair.reason,
            before={"seen": seen[pair.kept_id], "memberships": members[pair.absorbed_id]},
        )
        for pair in pairs
    ]
    merges = merging.join_many(joined, source=source, actor=actor, now=now)
    living = merging.ends(joined)
    moving.join(living)
    families = merging.families(sorted(set(living.values())))
    values.join(families.values())
    joining = SegmentMembership.objects.filter(profile__in=living)
    joining.leave(at=now, why={"cause": SegmentTouch.Cause.IDENTITY})
    proposals.settle(families.values(), now=now)
    _refresh({*living, *living.values()}, now=now)
    return merges


@transaction.atomic
def unmerge(merge_id: int, *, actor: AbstractBaseUser | None, now: datetime) -> Merge:
    """Undo one merge: each has again what is theirs, with what came in since.

    Events go back to whom their names belong; values that nobody changed since go back, too.
    """
    made = Merge.objects.get(pk=merge_id)
    parted = merging.part(made, actor=actor, now=now)
    stays, goes = parted.stays, parted.goes
    moving.part(stays.living_id, goes.living_id, rows=goes.rows)
    values.part(parted, kept_id=made.kept_id)
    _return(goes.living_id, memberships=parted.before.get("memberships", []))
    proposals.reject_pair(made.kept_id, made.absorbed_id, actor=actor, now=now)
    _refresh({stays.living_id, goes.living_id}, now=now)
    return made


def _memberships(profile_ids: Collection[int]) -> Mapping[int, list[list[Any]]]:
    found: dict[int, list[list[Any]]] = defaultdict(list)
    rows = SegmentMembership.objects.filter(profile__in=profile_ids).order_by("segment")
    for profile, segment, entered_at in rows.values_list("profile", "segment", "entered_at"):
        found[profile].append([segment, entered_at])
    return found


def _return(profile_id: int, *, memberships: Sequence[Sequence[Any]]) -> None:
    if memberships:
        columns = [list(column) for column in zip(*memberships, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_RETURN, [profile_id, *columns])


def _refresh(profile_ids: Collection[int], *, now: datetime) -> None:
    ids = sorted(profile_ids)
    state.refresh(ids, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [ProfileDue.Work.TRAITS, ids])


__all__ = ["MergeRefused", "Pair", "merge", "merge_many", "unmerge"]
