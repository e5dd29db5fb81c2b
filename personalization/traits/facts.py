"""What traits are derived from, read for many people at once: a statement for each kind of fact."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from personalization.ingest.purposes import EMAIL, PROFILING, TRACKING
from personalization.traits import engagement
from personalization.traits.records import Acts, Person, Purchases, Taste

YEAR = timedelta(days=365)
# A taste halves in a quarter: what somebody looked at last summer says little now.
TASTE_HALF_LIFE_DAYS = 90
TASTE_POINTS = {
    "Product Viewed": 1,
    "Product Added to Wishlist": 2,
    "Product Added": 3,
    "Order Completed": 5,
}
TASTES = 3

_PEOPLE = """
SELECT p.subject_id, p.attributes->>'timezone',
       (SELECT array_agg(s.purpose_id) FROM consent_consentstate s
        WHERE s.subject_id = p.subject_id AND s.is_granted
          AND (s.expires_at IS NULL OR s.expires_at > %(now)s))
FROM personalization_customerprofile p
JOIN consent_datasubject d ON d.id = p.subject_id
WHERE p.subject_id = ANY(%(ids)s) AND d.erased_at IS NULL AND d.merged_into_id IS NULL
ORDER BY p.subject_id
"""
# Orders as they stand after refunds and cancellations; an event without a number is an order of
# its own. What counts for the lifetime is the day: two orders of a day are one purchase.
_PURCHASES = """
WITH placed AS (
    SELECT o.profile_id, o.placed_at AS at, greatest(o.total - o.refunded, 0) AS net
    FROM personalization_order o
    WHERE o.profile_id = ANY(%(ids)s) AND NOT o.is_cancelled AND o.placed_at <= %(now)s
    UNION ALL
    SELECT e.profile_id, e.occurred_at, coalesce(e.amount, 0)
    FROM personalization_event e
    JOIN personalization_source s ON s.id = e.source_id
    LEFT JOIN personalization_order o ON o.profile_id = e.profile_id
        AND o.order_id = left(e.properties->>'order_id', 100)
        AND o.id_space = coalesce(nullif(s.id_space, ''), s.slug)
    WHERE e.profile_id = ANY(%(ids)s) AND e.name = 'Order Completed'
        AND e.occurred_at <= %(now)s AND o.id IS NULL
), summed AS (
    SELECT profile_id, sum(net) AS historic,
           max(at) FILTER (WHERE at > %(since)s) AS last_at,
           nullif(count(*) FILTER (WHERE at > %(since)s), 0) AS order_count,
           sum(net) FILTER (WHERE at > %(since)s) AS total_spent
    FROM placed GROUP BY profile_id
), days AS (
    SELECT profile_id, (at AT TIME ZONE 'UTC')::date AS day, sum(net) AS net,
           min((at AT TIME ZONE 'UTC')::date) OVER (PARTITION BY profile_id) AS first_day
    FROM placed GROUP BY profile_id, (at AT TIME ZONE 'UTC')::date
), lifetime AS (
    SELECT profile_id, first_day, max(day) AS last_day, count(*) - 1 AS repeats,
           count(*) FILTER (WHERE day > first_day AND net > 0) AS valued,
           sum(net) FILTER (WHERE day > first_day AND net > 0) AS value,
           max(day) FILTER (WHERE day <= %(cut)s) AS last_day_before,
           count(*) FILTER (WHERE day <= %(cut)s) - 1 AS repeats_before,
           count(*) FILTER (WHERE day > %(cut)s) AS later
    FROM days GROUP BY profile_id, first_day
)
SELECT profile_id,
       floor(extract(epoch FROM %(now)s - last_at) / 86400)::float8, order_count::float8,
       total_spent::float8, round(total_spent / order_count, 2)::float8,
       historic::float8, repeats::float8, (last_day - first_day)::float8,
       (%(today)s - first_day)::float8, valued::float8, coalesce(value, 0)::float8,
       repeats_before::float8, (last_day_before - first_day)::float8,
       (%(cut)s - first_day)::float8, later::float8
FROM summed JOIN lifetime USING (profile_id) ORDER BY profile_id
"""
_TASTES = """
WITH cancelled AS MATERIALIZED (
    SELECT e.id FROM personalization_order o
    JOIN personalization_event e ON e.profile_id = o.profile_id AND e.name = 'Order Completed'
        AND left(e.properties->>'order_id', 100) = o.order_id
    JOIN personalization_source s ON s.id = e.source_id
        AND coalesce(nullif(s.id_space, ''), s.slug) = o.id_space
    WHERE o.profile_id = ANY(%(ids)s) AND o.is_cancelled
), line AS (
    SELECT t.profile_id, p.category, p.brand, t.name = 'Order Completed' AS is_bought,
           t.quantity * t.price AS spent,
           round(w.points * %(scale)s * power(0.5, extract(epoch FROM %(now)s - t.occurred_at)
               / 86400 / %(half_life)s))::bigint AS points
    FROM personalization_eventitem t
    JOIN unnest(%(names)s::text[], %(points)s::float8[]) AS w(name, points) ON w.name = t.name
    JOIN personalization_product p ON p.id = t.product_id AND NOT p.is_sensitive
    WHERE t.profile_id = ANY(%(ids)s) AND t.occurred_at > %(since)s AND t.occurred_at <= %(now)s
        AND NOT (t.name = 'Order Completed' AND t.event_id IN (SELECT id FROM cancelled))
), category AS (
    SELECT profile_id, category AS word, sum(points) AS points, bool_or(is_bought) AS is_bought,
           sum(spent) FILTER (WHERE is_bought) AS spent
    FROM line WHERE category <> '' GROUP BY profile_id, category
), categories AS (
    SELECT profile_id, (array_agg(word ORDER BY points DESC, word COLLATE "C"))[:%(size)s] AS best,
           (array_agg(word ORDER BY spent DESC NULLS LAST, word COLLATE "C")
            FILTER (WHERE is_bought))[1] AS favourite
    FROM category GROUP BY profile_id
), brand AS (
    SELECT profile_id, brand AS word, sum(points) AS points
    FROM line WHERE brand <> '' GROUP BY profile_id, brand
), brands AS (
    SELECT profile_id, (array_agg(word ORDER BY points DESC, word COLLATE "C"))[:%(size)s] AS best
    FROM brand GROUP BY profile_id
)
SELECT coalesce(c.profile_id, b.profile_id), c.favourite, c.best, b.best
FROM categories c FULL JOIN brands b ON b.profile_id = c.profile_id
"""
_ACTS = """
WITH person AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::bigint[], %(zones)s::text[], %(tracked)s::bool[])
        AS given(id, zone, is_tracked)
), hourly AS (
    SELECT e.profile_id, extract(hour FROM e.occurred_at AT TIME ZONE person.zone)::int AS hour,
           count(*) AS acts,
           sum(round(coalesce(w.points, %(other)s) * %(scale)s * power(0.5,
               extract(epoch FROM %(now)s - e.occurred_at) / 86400 / %(half_life)s))::bigint)
               AS points,
           max(e.occurred_at) FILTER (WHERE e.name = 'Product Viewed') AS viewed_at,
           max(e.occurred_at) FILTER (WHERE e.name = 'Email Opened') AS opened_at
    FROM personalization_event e JOIN person ON person.id = e.profile_id
    LEFT JOIN unnest(%(names)s::text[], %(points)s::float8[]) AS w(name, points)
        ON w.name = e.name
    WHERE e.profile_id = ANY(%(ids)s) AND e.occurred_at > %(since)s AND e.occurred_at <= %(now)s
        AND NOT e.is_machine AND e.name <> ALL(%(not_active)s)
        AND (person.is_tracked OR e.name <> ALL(%(email)s))
    GROUP BY 1, 2
)
SELECT profile_id, sum(acts)::bigint, (array_agg(hour ORDER BY acts DESC, hour))[1],
       sum(points)::bigint,
       floor(extract(epoch FROM %(now)s - max(viewed_at)) / 86400)::int,
       floor(extract(epoch FROM %(now)s - max(opened_at)) / 86400)::int
FROM hourly GROUP BY profile_id
"""


def people(ids: Sequence[int], *, zones: frozenset[str], now: datetime) -> list[Person]:
    """Return those of these people that allow profiling.

    A time zone given for mails helps to derive something only if mails are still allowed.
    """
    found = []
    for pk, zone, codes in _rows(_PEOPLE, {"ids": list(ids), "now": now}):
        granted = frozenset(codes or ())
        if PROFILING in granted:
            known = zone if zone in zones and ZONE_PURPOSE in granted else UNKNOWN_ZONE
            found.append(Person(id=pk, granted=granted, zone=known))
    return found


UNKNOWN_ZONE = "UTC"
ZONE_PURPOSE = "email_marketing"


def zones() -> frozenset[str]:
    """Return the time zones the database knows; reading them takes it a moment."""
    return frozenset(name for (name,) in _rows("SELECT name FROM pg_timezone_names", {}))


def purchases(ids: Sequence[int], *, now: datetime, cut: date | None = None) -> Purchases:
    """Read what these people bought; what came after the cut is counted apart."""
    today = now.date()
    asked = {
        "ids": list(ids),
        "now": now,
        "since": now - YEAR,
        "today": today,
        "cut": cut or today,
    }
    rows = _rows(_PURCHASES, asked)
    columns = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), 14).T
    return Purchases(tuple(row[0] for row in rows), *columns)


def tastes(ids: Sequence[int], *, now: datetime) -> dict[int, Taste]:
    """Read what categories and brands these people lean to; sensitive products tell nothing."""
    asked = {
        "ids": list(ids),
        "now": now,
        "since": now - YEAR,
        "names": list(TASTE_POINTS),
        "points": list(TASTE_POINTS.values()),
        "scale": engagement.SCALE,
        "half_life": TASTE_HALF_LIFE_DAYS,
        "size": TASTES,
    }
    return {
        pk: Taste(favourite, categories or (), brands or ())
        for pk, favourite, categories, brands in _rows(_TASTES, asked)
    }


def acts(persons: Sequence[Person], *, now: datetime) -> dict[int, Acts]:
    """Read what these people did; opens and clicks only of those who allow tracking."""
    asked = {
        "ids": [person.id for person in persons],
        "zones": [person.zone for person in persons],
        "tracked": [TRACKING in person.granted for person in persons],
        "now": now,
        "since": now - YEAR,
        "names": list(engagement.POINTS),
        "points": list(engagement.POINTS.values()),
        "other": engagement.OTHER_POINTS,
        "scale": engagement.SCALE,
        "half_life": engagement.HALF_LIFE_DAYS,
        "not_active": list(engagement.NOT_ACTIVE),
        "email": list(EMAIL),
    }
    return {pk: Acts(*columns) for pk, *columns in _rows(_ACTS, asked)}


def _rows(sql: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
