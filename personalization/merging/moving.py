"""Events, their lines and their days: to the person they are part of now, and back."""

from collections.abc import Mapping, Sequence

from django.db import connection

_EVENTS = """
UPDATE {table} AS told SET profile_id = new.living
FROM unnest(%s::bigint[], %s::bigint[]) AS new(id, living) WHERE told.profile_id = new.id
"""
_JOIN = (
    _EVENTS.format(table="personalization_event"),
    _EVENTS.format(table="personalization_eventitem"),
    # Days are added up, not counted again: they outlive their events.
    """
WITH gone AS (
    DELETE FROM personalization_event_daily AS day
    USING unnest(%s::bigint[], %s::bigint[]) AS new(id, living) WHERE day.profile_id = new.id
    RETURNING new.living, day.name, day.day, day.count, day.total
)
INSERT INTO personalization_event_daily AS known (profile_id, name, day, count, total)
SELECT living, name, day, sum(count), sum(total) FROM gone
GROUP BY living, name, day ORDER BY living, name, day
ON CONFLICT (profile_id, name, day) DO UPDATE
SET count = known.count + EXCLUDED.count, total = known.total + EXCLUDED.total
""",
)
_PART = """
WITH moved AS (
    UPDATE personalization_event SET profile_id = %(goes)s
    WHERE profile_id = %(stays)s AND origin_profile_id = ANY(%(rows)s)
    RETURNING id, occurred_at, name, amount
), lines AS (
    UPDATE personalization_eventitem AS line SET profile_id = %(goes)s
    FROM moved WHERE line.event_id = moved.id AND line.occurred_at = moved.occurred_at
), days AS (
    SELECT name, (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS count,
           coalesce(sum(amount), 0) AS total
    FROM moved GROUP BY 1, 2
), taken AS (
    UPDATE personalization_event_daily AS known
    SET count = known.count - days.count, total = known.total - days.total
    FROM days
    WHERE known.profile_id = %(stays)s AND known.name = days.name AND known.day = days.day
)
INSERT INTO personalization_event_daily AS known (profile_id, name, day, count, total)
SELECT %(goes)s, name, day, count, total FROM days
ON CONFLICT (profile_id, name, day) DO UPDATE
SET count = known.count + EXCLUDED.count, total = known.total + EXCLUDED.total
"""
_EMPTY_DAYS = "DELETE FROM personalization_event_daily WHERE profile_id = %s AND count <= 0"


def join(living: Mapping[int, int]) -> None:
    """Count what the absorbed (keys) did for whom they are now (values); three statements."""
    columns = [list(living), list(living.values())]
    with connection.cursor() as cursor:
        for statement in _JOIN:
            cursor.execute(statement, columns)


def part(stays: int, goes: int, *, rows: Sequence[int]) -> None:
    """Give what came in under one of `rows` from one person back to the other."""
    with connection.cursor() as cursor:
        cursor.execute(_PART, {"stays": stays, "goes": goes, "rows": list(rows)})
        cursor.execute(_EMPTY_DAYS, [stays])
