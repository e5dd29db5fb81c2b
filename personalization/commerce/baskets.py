"""Bring carts and wishlists up to date: folded anew from the events of the people touched."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from consent import arrays
from personalization.commerce import fold
from personalization.commerce.fold import Happened, Held, Line
from personalization.models import Basket

# What was put into a cart longer ago is nobody's cart any more.
KEPT = timedelta(days=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Person by person and event by event (OFFSET 0 keeps it so): for hundreds of people, and where it
# has not counted a new month yet, the planner would read everybody's instead.
_STORY = """
SELECT who.id, e.id, e.name, (extract(epoch FROM e.occurred_at) * 1000000)::bigint,
       e.currency, p.product_id, t.quantity, t.price
FROM unnest(%(ids)s::bigint[]) AS who (id)
CROSS JOIN LATERAL (
    SELECT id, name, occurred_at, currency FROM personalization_event
    WHERE profile_id = who.id AND name = ANY(%(names)s)
        AND occurred_at > %(since)s AND occurred_at <= %(now)s OFFSET 0
) AS e
LEFT JOIN LATERAL (
    SELECT product_id, quantity, price, line FROM personalization_eventitem
    WHERE event_id = e.id AND occurred_at = e.occurred_at OFFSET 0
) AS t ON true
LEFT JOIN personalization_product p ON p.id = t.product_id
ORDER BY who.id, e.occurred_at, e.id, t.line
"""
_UPSERT = """
INSERT INTO personalization_basket AS known
    (profile_id, kind, items, value, currency, opened_at, changed_at)
SELECT profile_id, kind, items, value, currency, opened_at, changed_at
FROM json_to_recordset(%s::json)
    AS given (profile_id bigint, kind text, items jsonb, value numeric, currency text,
              opened_at timestamptz, changed_at timestamptz)
ON CONFLICT (profile_id, kind) DO UPDATE SET
    items = EXCLUDED.items, value = EXCLUDED.value, currency = EXCLUDED.currency,
    opened_at = EXCLUDED.opened_at, changed_at = EXCLUDED.changed_at
WHERE (known.items, known.changed_at, known.value)
    IS DISTINCT FROM (EXCLUDED.items, EXCLUDED.changed_at, EXCLUDED.value)
"""
_FORGET = """
DELETE FROM personalization_basket
WHERE profile_id = ANY(%s)
    AND (profile_id, kind) NOT IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
"""

Row = tuple[int, str, Held]


def refresh(profile_ids: Sequence[int], *, now: datetime) -> None:
    """Fold the carts and wishlists of these people anew; three statements however many they are."""
    rows = sorted(_rows(_stories(profile_ids, now=now)), key=lambda row: row[:2])
    with connection.cursor() as cursor:
        if rows:
            cursor.execute(_UPSERT, [orjson.dumps([_told(row) for row in rows]).decode()])
        people, kinds = (row[0] for row in rows), [row[1] for row in rows]
        written = arrays.numbers(profile_ids), arrays.numbers(people), arrays.texts(kinds)
        cursor.execute(_FORGET, written)


def _stories(profile_ids: Sequence[int], *, now: datetime) -> Mapping[int, list[Happened]]:
    asked: dict[str, Any] = {
        "ids": arrays.numbers(profile_ids),
        "names": sorted(fold.EVENTS),
        "since": now - KEPT,
        "now": now,
    }
    lines: dict[tuple[int, int], list[Line]] = {}
    heads: dict[tuple[int, int], tuple[str, datetime, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_STORY, asked)
        for person, event, name, at, currency, product, quantity, price in cursor.fetchall():
            heads[person, event] = (name, _EPOCH + at * _MICROSECOND, currency or "")
            held = lines.setdefault((person, event), [])
            if product is not None:
                held.append(Line(product, quantity, price))
    stories: dict[int, list[Happened]] = defaultdict(list)
    for (person, event), (name, at, currency) in heads.items():
        told = tuple(lines[person, event])
        stories[person].append(Happened(name=name, at=at, lines=told, currency=currency))
    return stories


def _rows(stories: Mapping[int, list[Happened]]) -> Iterable[Row]:
    for person, story in stories.items():
        cart, wishes = fold.fold(story)
        if cart.changed_at:
            yield person, Basket.Kind.CART.value, cart
        if wishes.changed_at:
            yield person, Basket.Kind.WISHLIST.value, wishes


def _told(row: Row) -> dict[str, object]:
    person, kind, held = row
    items = [
        {
            "product_id": line.product_id,
            "quantity": line.quantity,
            "price": None if line.price is None else str(line.price),
        }
        for line in held.lines.values()
    ]
    return {
        "profile_id": person,
        "kind": kind,
        "items": items,
        "value": str(held.value),
        "currency": held.currency,
        "opened_at": held.opened_at,
        "changed_at": held.changed_at,
    }
