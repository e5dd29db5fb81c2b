"""Claim orders for the mail that came last before them; what comes back takes its revenue back."""

from datetime import datetime, timedelta

from django.db import connection

WINDOW = timedelta(days=7)

# Last mail wins, whether or not it was opened: who refused tracking buys, too. What was sent
# before Attune came with its own results.
_CLAIM = """
INSERT INTO campaigns_conversion (send_id, campaign_id, order_key, occurred_at, amount)
SELECT mail.id, mail.campaign_id, o.source_id || ':' || o.id, o.occurred_at, o.amount
FROM personalization_event o
CROSS JOIN LATERAL (
    SELECT s.id, s.campaign_id
    FROM campaigns_send s JOIN campaigns_campaign c ON c.id = s.campaign_id
    WHERE s.subject_id = o.profile_id AND s.state = 'sent' AND NOT c.is_imported
      AND s.sent_at <= o.occurred_at AND s.sent_at > o.occurred_at - make_interval(days => %(days)s)
    ORDER BY s.sent_at DESC, s.id DESC LIMIT 1
) AS mail
WHERE o.name = 'Order Completed' AND o.occurred_at > %(since)s AND o.occurred_at <= %(now)s
ON CONFLICT (order_key) DO NOTHING
"""
# The order an event tells of, by its number; `order_key` ends with the event's id.
_SETTLE = """
UPDATE campaigns_conversion AS claimed
SET amount = CASE WHEN o.is_cancelled THEN 0 ELSE greatest(0, o.total - o.refunded) END
FROM personalization_order o
JOIN personalization_event e ON e.profile_id = o.profile_id AND e.name = 'Order Completed'
    AND left(e.properties->>'order_id', 100) = o.order_id
JOIN personalization_source s ON s.id = e.source_id
    AND coalesce(nullif(s.id_space, ''), s.slug) = o.id_space
WHERE o.changed_at > %(since)s AND claimed.order_key = e.source_id || ':' || e.id
    AND claimed.amount IS DISTINCT FROM
        CASE WHEN o.is_cancelled THEN 0 ELSE greatest(0, o.total - o.refunded) END
"""


def attribute(*, since: datetime, now: datetime) -> int:
    """Claim the orders of a span, and count those that changed since then at what stays of them;
    return how many were claimed. Running it again claims nothing twice."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"since": since, "now": now, "days": WINDOW.days})
        claimed: int = cursor.rowcount
        cursor.execute(_SETTLE, {"since": since})
    return claimed
