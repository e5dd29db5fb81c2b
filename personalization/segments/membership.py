"""Bring the members of a segment up to date: who enters, who leaves, in one statement each."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from consent.gate import permitted_sql
from personalization.conditions.to_sql import SqlCondition, to_sql
from personalization.conditions.tree import needs, parse
from personalization.models import Segment, SegmentVersion
from personalization.profiles import catalogue

# Erased people and those merged into another are in no segment, whatever their rows still say.
_LIVING = """personalization_customerprofile p JOIN consent_datasubject living
    ON living.id = p.subject_id AND living.erased_at IS NULL AND living.merged_into_id IS NULL"""


@dataclass(frozen=True, slots=True)
class Change:
    size: int
    entered: int
    left: int


@transaction.atomic
def rebuild(segment: Segment, *, now: datetime) -> Change:
    """Compute a live segment over everybody and store the difference."""
    if segment.live is None:
        return Change(size=0, entered=0, left=0)
    condition = compiled(segment.live, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO personalization_segmentmembership (segment_id, profile_id, entered_at)
            SELECT %s, p.subject_id, %s FROM {_LIVING}
            WHERE {condition.sql}
            ON CONFLICT (segment_id, profile_id) DO NOTHING
            """,
            [segment.pk, now, *condition.params],
        )
        entered = cursor.rowcount
        cursor.execute(
            f"""
            DELETE FROM personalization_segmentmembership m WHERE m.segment_id = %s
            AND NOT EXISTS (SELECT 1 FROM {_LIVING}
                            WHERE p.subject_id = m.profile_id AND ({condition.sql}))
            """,
            [segment.pk, *condition.params],
        )
        left = cursor.rowcount
    size = segment.memberships.count()
    Segment.objects.filter(pk=segment.pk).update(member_count=size, counted_at=now)
    return Change(size=size, entered=entered, left=left)


def rebuild_all(*, now: datetime) -> dict[str, Change]:
    """Rebuild every live segment, those first that others are made of."""
    live = list(Segment.objects.exclude(live=None).select_related("live"))
    return {segment.slug: rebuild(segment, now=now) for segment in _inner_first(live)}


def count(version: SegmentVersion, *, now: datetime) -> int:
    """Return how many people a version holds now, without storing anything."""
    condition = compiled(version, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {_LIVING} WHERE {condition.sql}",
            condition.params,
        )
        total: int = cursor.fetchone()[0]
    return total


def compiled(version: SegmentVersion, *, now: datetime) -> SqlCondition:
    """Return the SQL of a version's tree, with the consents its fields need built in."""
    return to_sql(
        parse(version.content["tree"]),
        catalogue=catalogue.load(),
        permitted=partial(permitted_sql, at=now),
        now=now,
    )


def _inner_first(segments: list[Segment]) -> list[Segment]:
    by_slug = {segment.slug: segment for segment in segments}
    ordered: dict[str, Segment] = {}

    def visit(segment: Segment, path: frozenset[str]) -> None:
        tree = segment.live.content["tree"] if segment.live else {}
        for slug in needs(parse(tree)).segments - path:
            if slug in by_slug:
                visit(by_slug[slug], path | {slug})
        ordered.setdefault(segment.slug, segment)

    for segment in segments:
        visit(segment, frozenset({segment.slug}))
    return list(ordered.values())
