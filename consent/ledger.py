"""Write what a person said about a purpose: the record, and the state it leads to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from consent.models import ConsentRecord, DataSubject

Action = ConsentRecord.Action


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing one person said, as it will stand in the ledger."""

    subject_id: int
    purpose: str
    action: str
    source: str
    occurred_at: datetime
    evidence: dict[str, object] = field(default_factory=dict)
    language: str = ""
    notice_version: str = ""
    # Only the person's own new choice lifts an objection or their own refusal, an import never.
    is_own_choice: bool = False


def grant(
    subject: DataSubject,
    *,
    purpose: str,
    source: str,
    at: datetime,
    actor: "AbstractBaseUser | None" = None,
) -> None:
    """Record that the person allows a purpose, by their own choice."""
    _say(subject, purpose=purpose, action=Action.GRANTED, source=source, at=at, actor=actor)


def withdraw(
    subject: DataSubject,
    *,
    purpose: str,
    source: str,
    at: datetime,
    actor: "AbstractBaseUser | None" = None,
) -> None:
    """Record that the person takes a consent back; it holds from the commit on."""
    _say(subject, purpose=purpose, action=Action.WITHDRAWN, source=source, at=at, actor=actor)


def object_to(
    subject: DataSubject,
    *,
    purpose: str,
    source: str,
    at: datetime,
    actor: "AbstractBaseUser | None" = None,
) -> None:
    """Record an objection (Art. 21): it outranks any import or banner that comes later."""
    _say(subject, purpose=purpose, action=Action.OBJECTED, source=source, at=at, actor=actor)


@transaction.atomic
def record_many(statements: Sequence[Statement], *, actor_id: int | None = None) -> int:
    """Append a batch to the ledger and fold it into the states; return how many were new.

    A statement that the ledger already holds (same subject, purpose, action, source and time)
    is left out, so an import that runs twice adds nothing. The state is read off the whole ledger
    of a person, so it does not matter in which order or how often statements come in.
    """
    with connection.cursor() as cursor:
        # Whoever speaks for the same people at the same time waits, and then sees this batch.
        cursor.execute(_HOLD, [sorted({statement.subject_id for statement in statements})])
        cursor.execute(_APPEND, [actor_id, *_columns(statements)])
        fresh = cursor.fetchall()
        if fresh:
            cursor.execute(_FOLD, [list(column) for column in zip(*fresh, strict=True)])
    return len(fresh)


def _say(
    subject: DataSubject,
    *,
    purpose: str,
    action: str,
    source: str,
    at: datetime,
    actor: AbstractBaseUser | None,
) -> None:
    statement = Statement(
        subject_id=subject.pk,
        purpose=purpose,
        action=action,
        source=source,
        occurred_at=at,
        is_own_choice=True,
    )
    record_many([statement], actor_id=actor.pk if actor else None)


def _columns(statements: Sequence[Statement]) -> list[list[object]]:
    return [
        [s.subject_id for s in statements],
        [s.purpose for s in statements],
        [s.action for s in statements],
        [s.source for s in statements],
        [s.notice_version for s in statements],
        [s.language for s in statements],
        [orjson.dumps(s.evidence).decode() for s in statements],
        [s.occurred_at for s in statements],
        [s.is_own_choice for s in statements],
    ]


_HOLD = """
SELECT 1 FROM consent_datasubject WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
_APPEND = """
INSERT INTO consent_consentrecord
    (subject_id, purpose_id, action, source, notice_version, language, evidence, occurred_at,
     is_own_choice, actor_id, recorded_at)
SELECT said.*, %s, now()
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::jsonb[], %s::timestamptz[], %s::boolean[]) AS said
ON CONFLICT DO NOTHING RETURNING subject_id, purpose_id
"""
# A barrier is an objection, or the person's own refusal; it stands until the person's own later
# grant, whatever others say meanwhile. Where none stands, the newest statement wins, and of two
# at the same time the refusal.
_FOLD = """
WITH said AS (
    SELECT record.*,
           max(occurred_at) FILTER (WHERE action = 'granted' AND is_own_choice)
               OVER (PARTITION BY subject_id, purpose_id) AS chosen_at
    FROM consent_consentrecord AS record
    WHERE (subject_id, purpose_id) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
), winner AS (
    SELECT DISTINCT ON (subject_id, purpose_id) * FROM said
    ORDER BY subject_id, purpose_id,
             CASE WHEN chosen_at > occurred_at THEN 0
                  WHEN action = 'objected' THEN 2
                  WHEN action <> 'granted' AND is_own_choice THEN 1
                  ELSE 0 END DESC,
             occurred_at DESC, action = 'granted', action, source, is_own_choice
)
INSERT INTO consent_consentstate AS state
    (subject_id, purpose_id, is_granted, is_objection, since, record_id)
SELECT subject_id, purpose_id, action = 'granted', action = 'objected', occurred_at, id FROM winner
ON CONFLICT (subject_id, purpose_id) DO UPDATE SET
    is_granted = EXCLUDED.is_granted, is_objection = EXCLUDED.is_objection,
    since = EXCLUDED.since, record_id = EXCLUDED.record_id, expires_at = NULL
WHERE state.record_id <> EXCLUDED.record_id
"""


__all__ = ["Statement", "grant", "object_to", "record_many", "withdraw"]
