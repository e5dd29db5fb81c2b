"""Write who enters and who leaves: members, the stays that ended, sizes by day."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from django.db import connection

from personalization.segments.reasons import Why

# Two at once could each write what the other just made untrue.
_ONE_AT_A_TIME = 4713

# Reasons are JSON, and as texts in an array each would be written and read once more.
_ENTER = """
INSERT INTO personalization_segmentmembership (segment_id, profile_id, entered_at, why)
SELECT segment_id, profile_id, %s, why
FROM jsonb_to_recordset(%s::jsonb) AS given (segment_id bigint, profile_id bigint, why jsonb)
ON CONFLICT (segment_id, profile_id) DO NOTHING
RETURNING segment_id
"""
_LEAVE = """
WITH gone AS (
    DELETE FROM personalization_segmentmembership AS m
    USING jsonb_to_recordset(%s::jsonb) AS given (segment_id bigint, profile_id bigint, why jsonb)
    WHERE m.segment_id = given.segment_id AND m.profile_id = given.profile_id
    RETURNING m.segment_id, m.profile_id, m.entered_at, m.why AS entered_why, given.why
)
INSERT INTO personalization_segmentpast
    (segment_id, profile_id, entered_at, left_at, entered_why, left_why)
SELECT segment_id, profile_id, entered_at, GREATEST(%s, entered_at), entered_why, why
FROM gone RETURNING segment_id
"""
_COUNT = """
WITH changed AS (
    UPDATE personalization_segment AS s
    SET member_count = GREATEST(s.member_count + given.entered - given.gone, 0), counted_at = %s
    FROM unnest(%s::bigint[], %s::integer[], %s::integer[]) AS given (id, entered, gone)
    WHERE s.id = given.id RETURNING s.id, s.member_count, given.entered, given.gone
)
INSERT INTO personalization_segmentday AS known (segment_id, day, size, entered, "left")
SELECT id, %s, member_count, entered, gone FROM changed ORDER BY id
ON CONFLICT (segment_id, day) DO UPDATE
SET size = EXCLUDED.size, entered = known.entered + EXCLUDED.entered,
    "left" = known."left" + EXCLUDED."left"
"""


@dataclass(frozen=True, slots=True)
class Move:
    """One person into or out of one segment."""

    segment_id: int
    profile_id: int
    why: Why


def claim(*, is_patient: bool) -> bool:
    """Let one at a time change members, until the commit; say whether it is us."""
    with connection.cursor() as cursor:
        if is_patient:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        return bool(cursor.fetchone()[0])


def write(*, entering: Sequence[Move], leaving: Sequence[Move], now: datetime) -> tuple[int, int]:
    """Store these moves in at most three statements; return how many came and went."""
    entered: Counter[int] = Counter()
    gone: Counter[int] = Counter()
    with connection.cursor() as cursor:
        if entering:
            cursor.execute(_ENTER, [now, _written(entering)])
            entered.update(row[0] for row in cursor.fetchall())
        if leaving:
            cursor.execute(_LEAVE, [_written(leaving), now])
            gone.update(row[0] for row in cursor.fetchall())
    count({pk: (entered[pk], gone[pk]) for pk in {*entered, *gone}}, now=now)
    return entered.total(), gone.total()


def count(moved: dict[int, tuple[int, int]], *, now: datetime) -> None:
    """Keep the sizes: by segment how many came and went."""
    if not moved:
        return
    ids = sorted(moved)
    columns = [ids, [moved[pk][0] for pk in ids], [moved[pk][1] for pk in ids]]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [now, *columns, now.astimezone(UTC).date()])


def _written(moves: Sequence[Move]) -> str:
    return orjson.dumps(moves).decode()
