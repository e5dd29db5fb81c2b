"""Compute the members of a segment over everybody: when its condition is new, as the proof of
what is kept person by person, and to repair it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import orjson
from django.db import DataError, OperationalError, connection, transaction

from consent.gate import permitted_sql
from personalization.conditions.fields import Catalogue
from personalization.conditions.to_sql import SqlCondition, to_sql
from personalization.conditions.tree import Node, needs, parse
from personalization.models import Segment, SegmentVersion
from personalization.profiles import catalogue
from personalization.segments import changes, health
from personalization.segments.reasons import Cause

# Erased people and those merged into another are in no segment, whatever their rows still say.
LIVING = """personalization_customerprofile p JOIN consent_datasubject living
    ON living.id = p.subject_id AND living.erased_at IS NULL AND living.merged_into_id IS NULL"""

_STORE = """
WITH inside AS MATERIALIZED (
    SELECT p.subject_id AS id FROM {living} WHERE {condition}
), entered AS (
    INSERT INTO personalization_segmentmembership (segment_id, profile_id, entered_at, why)
    SELECT %s, id, %s, %s::jsonb FROM inside
    WHERE NOT EXISTS (SELECT 1 FROM personalization_segmentmembership m
                      WHERE m.segment_id = %s AND m.profile_id = inside.id)
    ON CONFLICT (segment_id, profile_id) DO NOTHING RETURNING 1
), gone AS (
    DELETE FROM personalization_segmentmembership m WHERE m.segment_id = %s
    AND NOT EXISTS (SELECT 1 FROM inside WHERE inside.id = m.profile_id)
    RETURNING m.*
), kept AS (
    INSERT INTO personalization_segmentpast
        (segment_id, profile_id, entered_at, left_at, entered_why, left_why)
    SELECT segment_id, profile_id, entered_at, GREATEST(%s, entered_at), why, %s::jsonb FROM gone
    RETURNING 1
)
SELECT (SELECT count(*) FROM entered), (SELECT count(*) FROM kept)
"""
_DAY = """
INSERT INTO personalization_segmentday AS known (segment_id, day, size, entered, "left")
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (segment_id, day) DO UPDATE
SET size = EXCLUDED.size, entered = known.entered + EXCLUDED.entered,
    "left" = known."left" + EXCLUDED."left"
"""
_LISTED = """
p.subject_id IN (
    SELECT coalesce(d.merged_into_id, d.id) FROM personalization_listentry e
    JOIN consent_datasubject d ON d.id = e.subject_id WHERE e.segment_id = %s
)
"""


@dataclass(frozen=True, slots=True)
class Change:
    size: int
    entered: int
    left: int


@transaction.atomic
def rebuild(segment: Segment, *, now: datetime) -> Change:
    """Compute a segment over everybody and store the difference; a broken one stays as it is."""
    # Who changes members at the moment has to end first, or each would undo the other's work.
    changes.claim(is_patient=True)
    if segment.broken_since is not None:
        return Change(size=segment.member_count, entered=0, left=0)
    condition = _condition(segment, now=now)
    if segment.is_stale:
        # Whom time alone may move is found out in parts, when nobody else waits.
        Segment.objects.filter(pk=segment.pk).update(is_stale=False, timed_up_to=0)
    why = {"cause": _cause(segment)}
    return _store(segment, condition=condition, why=orjson.dumps(why).decode(), now=now)


def rebuild_all(*, now: datetime) -> dict[str, Change]:
    """Rebuild every segment that is not broken, those first that others are made of."""
    checked, _ = health.settle(now=now)
    sound = [each.segment for each in checked if not each.is_broken]
    return {segment.slug: rebuild(segment, now=now) for segment in sound}


def rebuild_stale(stale: Sequence[Segment], *, now: datetime) -> int:
    """Compute segments whose condition is new, and then those made of them.

    One that the database cannot compute is broken; the others go on.
    """
    done = 0
    changed: set[str] = set()
    asked = {segment.pk for segment in stale}
    checked, _ = health.settle(now=now)
    for each in checked:
        inner = needs(each.tree).segments if each.tree else frozenset()
        if each.is_broken or not (each.segment.pk in asked or inner & changed):
            continue
        try:
            with transaction.atomic():
                moved = rebuild(each.segment, now=now)
        except (DataError, OperationalError) as error:
            message = f"counting it failed: {str(error).splitlines()[0]}"
            version = each.segment.live_id
            health.break_down(each.segment.pk, version_id=version, message=message, now=now)
            Segment.objects.filter(pk=each.segment.pk).update(is_stale=False)
            continue
        done += 1
        if moved.entered or moved.left:
            changed.add(each.segment.slug)
    return done


def count(version: SegmentVersion, *, now: datetime) -> int:
    """Return how many people a version holds now, without storing anything."""
    condition = compiled(version, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {LIVING} WHERE {condition.sql}",
            condition.params,
        )
        total: int = cursor.fetchone()[0]
    return total


def compiled(version: SegmentVersion, *, now: datetime) -> SqlCondition:
    """Return the SQL of a version's tree, with the consents its fields need built in."""
    return of_tree(parse(version.content["tree"]), known=catalogue.load(), now=now)


def of_tree(tree: Node, *, known: Catalogue, now: datetime) -> SqlCondition:
    return to_sql(tree, catalogue=known, permitted=partial(permitted_sql, at=now), now=now)


def condition(segment: Segment, *, now: datetime) -> SqlCondition:
    """Return who belongs to a segment as SQL over the living `p`, for comparing."""
    return _condition(segment, now=now)


def _cause(segment: Segment) -> Cause:
    if segment.is_archived:
        return Cause.ARCHIVED
    return Cause.DEFINITION if segment.is_stale else Cause.REPAIR


def _condition(segment: Segment, *, now: datetime) -> SqlCondition:
    if segment.is_archived:
        return SqlCondition("false")
    if segment.kind == Segment.Kind.LIST:
        return SqlCondition(_LISTED, (segment.pk,))
    if segment.live is None:
        return SqlCondition("false")
    return compiled(segment.live, now=now)


def _store(segment: Segment, *, condition: SqlCondition, why: str, now: datetime) -> Change:
    pk = segment.pk
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE.format(living=LIVING, condition=condition.sql),
            [*condition.params, pk, now, why, pk, pk, now, why],
        )
        entered, left = cursor.fetchone()
        size = segment.memberships.count()
        Segment.objects.filter(pk=segment.pk).update(member_count=size, counted_at=now)
        day = now.astimezone(UTC).date()
        cursor.execute(_DAY, [segment.pk, day, size, entered, left])
    return Change(size=size, entered=entered, left=left)
