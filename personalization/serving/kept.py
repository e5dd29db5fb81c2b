"""Decisions that stand: the one a message shows a person in a slot, until it expires."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from consent import statements
from consent.models import DataSubject
from personalization import receipts
from personalization.models import Receipt
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


_STANDING = """
SELECT shown.slot, shown.subject_id, shown.expires_at,
       receipt.id, receipt.message_key, receipt.decided_at, receipt.decision, receipt.inputs,
       subject.pseudonym, subject.wrapped_key
FROM personalization_exposure shown
JOIN personalization_receipt receipt ON receipt.id = shown.receipt_id
JOIN consent_datasubject subject ON subject.id = shown.subject_id
WHERE shown.message = %s AND shown.slot = ANY(%s) AND shown.subject_id = ANY(%s)
  AND shown.expires_at > %s
"""
# One statement, so one transaction: there is no answer without its receipt. Whoever came first
# with a message is left as it is, unless its time is over or it is one of those that ended.
_KEEP = """
WITH entry AS (
    SELECT * FROM jsonb_to_recordset(%(entries)s::jsonb) AS entry(
        subject_id bigint, message_key uuid, decision jsonb, inputs text, slot text,
        expires_at timestamptz)
), receipt AS (
    INSERT INTO personalization_receipt (subject_id, message_key, decided_at, decision, inputs)
    SELECT subject_id, message_key, %(now)s, decision, decode(inputs, 'base64') FROM entry
    RETURNING id, message_key
)
INSERT INTO personalization_exposure
    (message, slot, subject_id, receipt_id, shown_at, expires_at)
SELECT %(message)s, entry.slot, entry.subject_id, receipt.id, %(now)s, entry.expires_at
FROM entry JOIN receipt USING (message_key)
ORDER BY entry.subject_id, entry.slot
ON CONFLICT (message, slot, subject_id) DO UPDATE SET
    receipt_id = EXCLUDED.receipt_id, shown_at = EXCLUDED.shown_at,
    expires_at = EXCLUDED.expires_at
WHERE personalization_exposure.expires_at <= %(now)s
   OR personalization_exposure.receipt_id = ANY(%(ended)s::bigint[])
RETURNING receipt_id
"""
_TAKE_BACK = """
DELETE FROM personalization_receipt
WHERE message_key = ANY(%s::uuid[]) AND NOT id = ANY(%s::bigint[])
RETURNING message_key
"""


def standing(
    message: str, *, slots: Iterable[str], subject_ids: Collection[int], now: datetime
) -> dict[Key, Standing]:
    """Return the decisions that hold for these people and slots (one query)."""
    asked = [message, list(slots), list(subject_ids), now]
    rows = statements.rows(_STANDING, asked, people=len(subject_ids))
    return {
        Key(slot, subject_id): Standing(_receipt(subject_id, *columns), expires_at)
        for slot, subject_id, expires_at, *columns in rows
    }


def keep(
    news: Sequence[New], *, message: str, ended: Collection[Standing], now: datetime
) -> set[Key]:
    """Store decisions with their receipts; return those that another request was faster with.

    `ended` are decisions that hold no longer, because a consent changed since.
    """
    entries = [new.entry for new in news]
    # Outside of the statement: many decisions name the same products, who waits for one waits long.
    receipts.store_parts(entries, now=now)
    rows = [
        {**row, "slot": new.key.slot, "expires_at": new.expires_at}
        for new, row in zip(news, receipts.rows(entries), strict=True)
    ]
    parameters = {
        "entries": orjson.dumps(rows).decode(),
        "message": message,
        "now": now,
        "ended": [each.receipt.pk for each in ended],
    }
    won = {receipt_id for (receipt_id,) in statements.run(_KEEP, parameters)}
    return set() if len(won) == len(news) else _take_back(news, won=won)


def _receipt(
    subject_id: int,
    pk: int,
    message_key: UUID,
    decided_at: datetime,
    decision: str,
    inputs: bytes | None,
    pseudonym: UUID,
    wrapped_key: bytes | None,
    /,
) -> Receipt:
    subject = DataSubject(pk=subject_id, pseudonym=pseudonym, wrapped_key=wrapped_key)
    return Receipt(
        pk=pk,
        subject=subject,
        message_key=message_key,
        decided_at=decided_at,
        decision=orjson.loads(decision),
        inputs=inputs,
    )


def _take_back(news: Sequence[New], *, won: set[int]) -> set[Key]:
    """Remove the receipts of decisions that nobody will see."""
    keys = [new.entry.message_key for new in news]
    lost = {str(key) for (key,) in statements.run(_TAKE_BACK, [keys, list(won)])}
    return {new.key for new in news if new.entry.message_key in lost}
