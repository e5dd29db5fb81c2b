"""Delete what is past its retention: whole months at once, the rest in batches, every hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from consent.models import Purpose
from personalization.ingest.purposes import collection_purpose
from personalization.models import InboxEvent, Order, WebhookDelivery

BATCH = 10_000
# Enough for an hour's work; what is left waits for the next one.
MOST = 1_000_000
QUARANTINED = timedelta(days=30)
DELIVERED = timedelta(days=30)
PARENTS = ("personalization_event", "personalization_eventitem")

_MONTHS = """
SELECT child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %s::regclass AND child.relname ~ '_[0-9]{6}$' ORDER BY child.relname
"""
# Name by name through the index; there are few names and many events.
_NAMES = """
WITH RECURSIVE names AS (
    (SELECT name FROM personalization_event ORDER BY name LIMIT 1)
    UNION ALL
    SELECT (SELECT event.name FROM personalization_event AS event
            WHERE event.name > names.name ORDER BY event.name LIMIT 1)
    FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL
"""
_EVENTS = """
WITH gone AS (
    DELETE FROM personalization_event WHERE (id, occurred_at) IN (
        SELECT id, occurred_at FROM personalization_event
        WHERE name = %(name)s AND occurred_at < %(before)s LIMIT %(limit)s
    ) AND occurred_at < %(before)s RETURNING id, occurred_at
), lines AS (
    DELETE FROM personalization_eventitem AS line USING gone
    WHERE line.event_id = gone.id AND line.occurred_at = gone.occurred_at
        AND line.occurred_at < %(before)s
)
SELECT count(*) FROM gone
"""
_DAYS = """
WITH gone AS (
    DELETE FROM personalization_event_daily WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM personalization_event_daily AS daily
        WHERE day < %(latest)s AND day < (
            SELECT before FROM unnest(%(names)s::text[], %(befores)s::date[])
                AS past (name, before)
            WHERE past.name = daily.name
        ) LIMIT %(limit)s
    )) RETURNING 1
)
SELECT count(*) FROM gone
"""
_DAY_NAMES = "SELECT DISTINCT name FROM personalization_event_daily WHERE day < %s"


@dataclass(frozen=True, slots=True)
class Removed:
    """How much of each kind was past its time."""

    months: int = 0
    events: int = 0
    days: int = 0
    orders: int = 0
    quarantined: int = 0
    deliveries: int = 0


def remove_old(*, now: datetime) -> Removed:
    """Remove what nobody may keep any longer; each purpose says for how long it keeps.

    An event is kept as long as the purpose it was collected for, a month at most as long as the
    longest of all. Each batch is a transaction of its own.
    """
    days_kept = dict(Purpose.objects.values_list("code", "retention_days"))
    if not days_kept:
        return Removed()
    longest = now - timedelta(days=max(days_kept.values()))
    return Removed(
        months=drop_months(before=longest),
        events=_remove_events(days_kept, now=now),
        days=_remove_days(days_kept, now=now),
        orders=_remove_orders(days_kept, now=now),
        quarantined=_remove_quarantined(now=now),
        deliveries=_remove_deliveries(now=now),
    )


def drop_months(*, before: datetime) -> int:
    """Drop the tables of months that ended before a moment; return how many months went."""
    first = before.astimezone(UTC).date().replace(day=1)
    dropped: set[str] = set()
    for parent in PARENTS:
        for table in _months(parent):
            month = table.rpartition("_")[2]
            # A month is past once the next one has begun by then.
            if date(int(month[:4]), int(month[4:]), 1) < first and _drop(table):
                dropped.add(month)
    return len(dropped)


def _months(parent: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, [parent])
        return [row[0] for row in cursor.fetchall()]


def _drop(table: str) -> bool:
    """Drop one table, unless somebody reads all of them just now: then the next hour will do."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":  # lock_not_available
            raise
        return False
    return True


def _before(name: str, *, days_kept: Mapping[str, int], now: datetime) -> datetime | None:
    """Return the moment before which events of a name are too old; None where nobody says so."""
    days = days_kept.get(collection_purpose(name))
    return None if days is None else now - timedelta(days=days)


def _remove_events(days_kept: Mapping[str, int], *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        names = [row[0] for row in cursor.fetchall()]
    total = 0
    for name in names:
        before = _before(name, days_kept=days_kept, now=now)
        if before is not None:
            total += _in_batches(_EVENTS, {"name": name, "before": before})
    return total


def _remove_days(days_kept: Mapping[str, int], *, now: datetime) -> int:
    latest = now - timedelta(days=min(days_kept.values()))
    with connection.cursor() as cursor:
        cursor.execute(_DAY_NAMES, [latest.date()])
        names = [row[0] for row in cursor.fetchall()]
    past = {
        name: before.date()
        for name in names
        if (before := _before(name, days_kept=days_kept, now=now)) is not None
    }
    if not past:
        return 0
    return _in_batches(
        _DAYS,
        {"latest": latest.date(), "names": list(past), "befores": list(past.values())},
    )


def _in_batches(statement: str, values: Mapping[str, str | datetime | date | list[Any]]) -> int:
    total = 0
    while total < MOST:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, {**values, "limit": BATCH})
            removed: int = cursor.fetchone()[0]
        total += removed
        if removed < BATCH:
            break
    return total


def _remove_orders(days_kept: Mapping[str, int], *, now: datetime) -> int:
    """Orders are folded from events: they go with the last event that tells of them."""
    before = _before("Order Completed", days_kept=days_kept, now=now)
    return 0 if before is None else _remove(Order.objects.filter(placed_at__lt=before))


def _remove_quarantined(*, now: datetime) -> int:
    return _remove(InboxEvent.objects.filter(quarantined_at__lt=now - QUARANTINED))


def _remove_deliveries(*, now: datetime) -> int:
    """Forget deliveries that are done with; shops repeat one for two days at most."""
    states = (WebhookDelivery.State.DONE, WebhookDelivery.State.IGNORED)
    return _remove(
        WebhookDelivery.objects.filter(state__in=states, received_at__lt=now - DELIVERED)
    )


def _remove(rows: "QuerySet[Any]") -> int:
    total = 0
    while total < MOST:
        part = rows.order_by("pk").values_list("pk", flat=True)[:BATCH]
        removed, _ = rows.filter(pk__in=list(part)).delete()
        total += removed
        if removed < BATCH:
            break
    return total
