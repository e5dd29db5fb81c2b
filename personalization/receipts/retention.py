"""Forget receipts past their time, with the shared parts that none of them can name any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from personalization.receipts import parts

BATCH = 10_000

# Exposures go with their receipt; keys between them are the database's only for Django.
_RECEIPTS = """
WITH gone AS (
    SELECT id FROM personalization_receipt WHERE decided_at < %(before)s
    ORDER BY decided_at LIMIT %(limit)s
), shown AS (
    DELETE FROM personalization_exposure WHERE receipt_id IN (SELECT id FROM gone)
)
DELETE FROM personalization_receipt WHERE id IN (SELECT id FROM gone)
"""
# A day longer than receipts: those of the last day name parts that were used on it.
_PARTS = """
DELETE FROM personalization_receiptpart WHERE key IN (
    SELECT key FROM personalization_receiptpart WHERE used_on < %(before)s LIMIT %(limit)s
)
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    receipts: int = 0
    parts: int = 0


def forget_old(*, now: datetime) -> Forgotten:
    """Remove what is older than ATTUNE_RECEIPT_DAYS, in batches, each its own transaction."""
    before = now - timedelta(days=settings.ATTUNE_RECEIPT_DAYS)
    forgotten = Forgotten(
        receipts=_in_batches(_RECEIPTS, before=before),
        parts=_in_batches(_PARTS, before=before - timedelta(days=1)),
    )
    parts.forget()
    return forgotten


def _in_batches(statement: str, *, before: datetime) -> int:
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, {"before": before, "limit": BATCH})
            removed: int = cursor.rowcount
        total += removed
        if removed < BATCH:
            return total
