"""Prove what is kept person by person: count everybody anew, say what differs, mend nothing."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from personalization.models import Segment
from personalization.segments import changes, membership, upkeep

_COMPARE = """
WITH wanted AS MATERIALIZED (SELECT p.subject_id AS id FROM {living} WHERE {condition}),
     members AS (SELECT profile_id AS id FROM personalization_segmentmembership
                 WHERE segment_id = %s)
SELECT count(*) FILTER (WHERE members.id IS NULL), count(*) FILTER (WHERE wanted.id IS NULL)
FROM wanted FULL JOIN members ON members.id = wanted.id
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drift:
    """How many belong and are no members, and the other way round."""

    missing: int
    extra: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


@transaction.atomic
def check(segment: Segment, *, now: datetime) -> Drift:
    """Compare the members with a count over everybody, after all that waits was worked on."""
    changes.claim(is_patient=True)
    upkeep.catch_up(now=now)
    segment.refresh_from_db()
    if segment.broken_since is not None:
        return Drift(0, 0)
    condition = membership.condition(segment, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            _COMPARE.format(living=membership.LIVING, condition=condition.sql),
            [*condition.params, segment.pk],
        )
        found = Drift(*cursor.fetchone())
    drift = {"missing": found.missing, "extra": found.extra}
    Segment.objects.filter(pk=segment.pk).update(checked_at=now, drift=drift)
    if found:
        logger.error("segment differs", extra={"segment": segment.slug, **drift})
    return found


def check_all(*, now: datetime) -> dict[str, Drift]:
    """Check every segment in use; what differs is logged and shown, not mended in silence."""
    return {segment.slug: check(segment, now=now) for segment in Segment.objects.usable()}
