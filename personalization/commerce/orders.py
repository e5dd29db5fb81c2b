"""Bring orders up to date: what was changed, refunded and cancelled, whatever order it came in."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection

from consent import arrays
from personalization.models import Order

EVENTS = ("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled")

# Person by person (OFFSET 0 keeps it so): where it has not counted a new month yet, the planner
# would read everybody's orders instead.
# The last word on the amount counts. A refund that names no amount is of the whole order; some
# write what they gave back below zero.
_REFRESH = """
WITH told AS (
    SELECT who.id AS profile_id, coalesce(nullif(s.id_space, ''), s.slug) AS id_space,
           left(e.properties->>'order_id', 100) AS order_id,
           e.id, e.name, e.occurred_at, e.amount, e.currency
    FROM unnest(%(ids)s::bigint[]) AS who (id)
    CROSS JOIN LATERAL (
        SELECT id, source_id, name, occurred_at, amount, currency, properties
        FROM personalization_event
        WHERE profile_id = who.id AND name = ANY(%(names)s)
            AND coalesce(properties->>'order_id', '') <> '' OFFSET 0
    ) AS e
    JOIN personalization_source s ON s.id = e.source_id
), folded AS (
    SELECT profile_id, id_space, order_id,
        min(occurred_at) FILTER (WHERE name IN ('Order Completed', 'Order Updated')) AS placed_at,
        coalesce((array_agg(currency ORDER BY occurred_at DESC, id DESC)
            FILTER (WHERE currency IS NOT NULL))[1], '') AS currency,
        (array_agg(amount ORDER BY occurred_at DESC, id DESC)
            FILTER (WHERE name IN ('Order Completed', 'Order Updated')
                    AND amount IS NOT NULL))[1] AS total,
        coalesce(sum(abs(amount)) FILTER (WHERE name = 'Order Refunded'), 0) AS refunded,
        coalesce(bool_or(name = 'Order Refunded' AND amount IS NULL), false) AS is_returned,
        coalesce(bool_or(name = 'Order Cancelled'), false) AS is_cancelled,
        bool_or(name = 'Order Completed') AS is_completed
    FROM told GROUP BY profile_id, id_space, order_id
), fresh AS (
    SELECT profile_id, id_space, order_id, placed_at, currency, total,
           CASE WHEN is_returned THEN total ELSE refunded END AS refunded, is_cancelled,
           is_completed
    FROM folded WHERE placed_at IS NOT NULL AND total IS NOT NULL
), gone AS (
    DELETE FROM personalization_order known WHERE profile_id = ANY(%(ids)s)
        AND NOT EXISTS (SELECT 1 FROM fresh WHERE fresh.profile_id = known.profile_id
            AND fresh.id_space = known.id_space AND fresh.order_id = known.order_id)
)
INSERT INTO personalization_order AS known
    (profile_id, id_space, order_id, placed_at, changed_at, currency, total, refunded,
     is_cancelled, is_completed)
SELECT profile_id, id_space, order_id, placed_at, %(now)s, currency, total, refunded,
       is_cancelled, is_completed
FROM fresh ORDER BY profile_id, id_space, order_id
ON CONFLICT (profile_id, id_space, order_id) DO UPDATE SET
    placed_at = EXCLUDED.placed_at, changed_at = EXCLUDED.changed_at,
    currency = EXCLUDED.currency, total = EXCLUDED.total, refunded = EXCLUDED.refunded,
    is_cancelled = EXCLUDED.is_cancelled, is_completed = EXCLUDED.is_completed
WHERE (known.placed_at, known.currency, known.total, known.refunded, known.is_cancelled,
       known.is_completed)
    IS DISTINCT FROM (EXCLUDED.placed_at, EXCLUDED.currency, EXCLUDED.total, EXCLUDED.refunded,
                      EXCLUDED.is_cancelled, EXCLUDED.is_completed)
"""


def refresh(profile_ids: Sequence[int], *, now: datetime) -> None:
    """Fold the orders of these people anew from their events, in one statement."""
    ids = arrays.numbers(profile_ids)
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, {"ids": ids, "names": list(EVENTS), "now": now})


def known(order_ids: Collection[str], *, id_space: str) -> set[str]:
    """Return those that a source of this id space told of as completed before: a second
    `Order Completed` of one order is an update, so nothing is counted twice (one query)."""
    if not order_ids:
        return set()
    rows = Order.objects.filter(id_space=id_space, order_id__in=order_ids, is_completed=True)
    return set(rows.values_list("order_id", flat=True))
