"""Decisions that stand: the one a message shows a person in a slot, until it expires."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from personalization import receipts
from personalization.models import Exposure, Receipt
from personalization.receipts import Entry


@dataclass(frozen=True, slots=True)
class Key:
    """Who is shown something where."""

    slot: str
    subject_id: int


@dataclass(frozen=True, slots=True)
class New:
    key: Key
    entry: Entry
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision that holds: its receipt, and until when."""

    receipt: Receipt
    expires_at: datetime


_SHOW = """
INSERT INTO personalization_exposure
    (message, slot, subject_id, receipt_id, shown_at, expires_at)
SELECT %(message)s, new.slot, new.subject_id, receipt.id, %(now)s, new.expires_at
FROM unnest(%(slots)s::text[], %(subjects)s::bigint[], %(keys)s::uuid[],
            %(expiries)s::timestamptz[]) AS new (slot, subject_id, message_key, expires_at)
JOIN personalization_receipt receipt ON receipt.message_key = new.message_key
ORDER BY new.subject_id, new.slot
ON CONFLICT (message, slot, subject_id) DO UPDATE SET
    receipt_id = EXCLUDED.receipt_id, shown_at = EXCLUDED.shown_at,
    expires_at = EXCLUDED.expires_at
WHERE personalization_exposure.expires_at <= %(now)s
RETURNING receipt_id
"""
_END = """
UPDATE personalization_exposure SET expires_at = %s
WHERE message = %s AND (slot, subject_id) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
"""


def standing(
    message: str, *, slots: Iterable[str], subject_ids: Iterable[int], now: datetime
) -> dict[Key, Standing]:
    """Return the decisions that hold for these people and slots (one query)."""
    rows = Exposure.objects.filter(
        message=message,
        slot__in=list(slots),
        subject__in=list(subject_ids),
        expires_at__gt=now,
    ).select_related("receipt__subject")
    return {Key(row.slot, row.subject_id): Standing(row.receipt, row.expires_at) for row in rows}


def keep(news: Sequence[New], *, message: str, ended: Sequence[Key], now: datetime) -> set[Key]:
    """Store decisions with their receipts; return those that another request was faster with.

    `ended` are decisions that hold no longer, because a consent changed since.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # A lost second of answers costs nothing: the same question is answered anew.
        cursor.execute("SET LOCAL synchronous_commit = off")
        if ended:
            _end(ended, message=message, now=now)
        receipts.record([new.entry for new in news], now=now)
        cursor.execute(_SHOW, _parameters(news, message=message, now=now))
        won = {receipt_id for (receipt_id,) in cursor.fetchall()}
        if len(won) == len(news):
            return set()
        return _take_back(news, won=won)


def _parameters(news: Sequence[New], *, message: str, now: datetime) -> dict[str, Any]:
    return {
        "message": message,
        "now": now,
        "slots": [new.key.slot for new in news],
        "subjects": [new.key.subject_id for new in news],
        "keys": [new.entry.message_key for new in news],
        "expiries": [new.expires_at for new in news],
    }


def _end(ended: Sequence[Key], *, message: str, now: datetime) -> None:
    parameters: list[Any] = [
        now,
        message,
        [key.slot for key in ended],
        [key.subject_id for key in ended],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_END, parameters)


def _take_back(news: Sequence[New], *, won: set[int]) -> set[Key]:
    """Remove the receipts of decisions that nobody will see."""
    ours = Receipt.objects.filter(message_key__in=[new.entry.message_key for new in news])
    lost = set(ours.exclude(pk__in=won).values_list("message_key", flat=True))
    ours.filter(message_key__in=lost).delete()
    return {new.key for new in news if new.entry.message_key in {str(each) for each in lost}}
