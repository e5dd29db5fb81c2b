"""Bring carts and wishlists up to date: folded anew from the events of the people touched."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from personalization.commerce import fold
from personalization.commerce.fold import Happened, Held, Line
from personalization.models import Basket

# What was put into a cart longer ago is nobody's cart any more.
KEPT = timedelta(days=60)

_STORY = """
SELECT e.profile_id, e.id, e.name, e.occurred_at, e.currency, p.product_id, t.quantity, t.price
FROM personalization_event e
LEFT JOIN personalization_eventitem t
    ON t.event_id = e.id AND t.occurred_at = e.occurred_at AND t.occurred_at > %(since)s
LEFT JOIN personalization_product p ON p.id = t.product_id
WHERE e.profile_id = ANY(%(ids)s) AND e.name = ANY(%(names)s)
    AND e.occurred_at > %(since)s AND e.occurred_at <= %(now)s
ORDER BY e.profile_id, e.occurred_at, e.id, t.line
"""
_UPSERT = """
INSERT INTO personalization_basket AS known
    (profile_id, kind, items, value, currency, opened_at, changed_at)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::jsonb[], %s::numeric[], %s::text[],
                     %s::timestamptz[], %s::timestamptz[])
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
            columns = [list(column) for column in zip(*map(_columns, rows), strict=True)]
            cursor.execute(_UPSERT, columns)
        people, kinds = [row[0] for row in rows], [row[1] for row in rows]
        cursor.execute(_FORGET, [list(profile_ids), people, kinds])


def _stories(profile_ids: Sequence[int], *, now: datetime) -> Mapping[int, list[Happened]]:
    asked: dict[str, Any] = {
        "ids": list(profile_ids),
        "names": sorted(fold.EVENTS),
        "since": now - KEPT,
        "now": now,
    }
    lines: dict[tuple[int, int], list[Line]] = {}
    heads: dict[tuple[int, int], tuple[str, datetime, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_STORY, asked)
        for person, event, name, at, currency, product, quantity, price in cursor.fetchall():
            heads[person, event] = (name, at, currency or "")
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


def _columns(row: Row) -> tuple[object, ...]:
    person, kind, held = row
    items = [
        {
            "product_id": line.product_id,
            "quantity": line.quantity,
            "price": None if line.price is None else str(line.price),
        }
        for line in held.lines.values()
    ]
    return (
        person,
        kind,
        orjson.dumps(items).decode(),
        held.value,
        held.currency,
        held.opened_at,
        held.changed_at,
    )
