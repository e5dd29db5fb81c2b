"""Write what a person said about a purpose: the record, and the state it leads to."""

from collections.abc import Collection, Sequence
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
    of a person, so it does not matter in which order or how often statements come in. What is
    said of a row that was merged counts for whom it was merged into.
    """
    with connection.cursor() as cursor:
        # Whoever speaks for the same people at the same time waits, and then sees this batch.
        _hold({statement.subject_id for statement in statements})
        cursor.execute(_APPEND, [actor_id, *_columns(statements)])
        fresh = cursor.fetchall()
        if fresh:
            cursor.execute(_FOLD, [list(column) for column in zip(*fresh, strict=True)])
    return len(fresh)


def refold(subject_ids: Collection[int]) -> None:
    """Read the states of living people anew off the ledgers of all rows that they are now.

    For those who were merged or parted; the caller holds their rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SPOKEN, [list(subject_ids), list(subject_ids)])
        spoken = cursor.fetchall()
        people, purposes = [row[0] for row in spoken], [row[1] for row in spoken]
        cursor.execute(_FORGET, [list(subject_ids), people, purposes])
        if spoken:
            cursor.execute(_FOLD, [people, purposes])


def _hold(subject_ids: Collection[int]) -> None:
    """Lock rows in the order of their ids, and whom they are merged into with them."""
    missing = set(subject_ids)
    held: set[int] = set()
    with connection.cursor() as cursor:
        while missing:
            cursor.execute(_HOLD, [sorted(missing), sorted(missing)])
            rows = cursor.fetchall()
            held |= {pk for pk, _ in rows}
            # Merged while we waited, as a rule nobody.
            missing = {into for _, into in rows if into is not None} - held


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
SELECT id, merged_into_id FROM consent_datasubject
WHERE id = ANY(%s) OR id = ANY(ARRAY(
    SELECT merged_into_id FROM consent_datasubject WHERE id = ANY(%s) AND merged_into_id IS NOT NULL
))
ORDER BY id FOR NO KEY UPDATE
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
_SPOKEN = """
SELECT DISTINCT coalesce(row.merged_into_id, row.id) AS person, record.purpose_id
FROM consent_datasubject AS row JOIN consent_consentrecord AS record ON record.subject_id = row.id
WHERE row.id = ANY(%s) OR row.merged_into_id = ANY(%s)
"""
_FORGET = """
DELETE FROM consent_consentstate WHERE subject_id = ANY(%s)
    AND (subject_id, purpose_id) NOT IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
"""
# A barrier is an objection, or the person's own refusal; it stands until the person's own later
# grant, whatever others say meanwhile. Where none stands, the newest statement wins, and of two
# at the same time the refusal.
# A person who was merged speaks through several rows. What is newest among all of them counts; yet
# a barrier in one ledger is lifted only by a grant in that ledger, or by one given after the two
# became one: joining them never makes of two answers a yes.
_FOLD = """
WITH RECURSIVE asked AS (
    SELECT DISTINCT coalesce(row.merged_into_id, row.id) AS person, fresh.purpose_id
    FROM unnest(%s::bigint[], %s::text[]) AS fresh(subject_id, purpose_id)
    JOIN consent_datasubject AS row ON row.id = fresh.subject_id
), also AS (
    SELECT asked.person, asked.purpose_id, row.id AS subject_id
    FROM asked JOIN consent_datasubject AS row ON row.merged_into_id = asked.person
), path AS (
    SELECT subject_id, person, subject_id AS at_row, '-infinity'::timestamptz AS joined_at
    FROM (SELECT subject_id, person FROM also UNION SELECT person, person FROM also) AS start
    UNION ALL
    SELECT path.subject_id, path.person, m.kept_id, greatest(path.joined_at, m.at)
    FROM path JOIN consent_merge AS m ON m.absorbed_id = path.at_row AND m.undone_at IS NULL
), said AS (
    SELECT record.*, voice.person,
           max(occurred_at) FILTER (WHERE action = 'granted' AND is_own_choice)
               OVER (PARTITION BY record.subject_id, record.purpose_id) AS chosen_at
    FROM (SELECT person, purpose_id, person AS subject_id FROM asked UNION ALL
          SELECT person, purpose_id, subject_id FROM also) AS voice
    JOIN consent_consentrecord AS record USING (subject_id, purpose_id)
), lifted AS (
    SELECT bar.id FROM said AS bar JOIN said AS yes
        ON yes.person = bar.person AND yes.purpose_id = bar.purpose_id
        AND yes.subject_id <> bar.subject_id AND yes.occurred_at > bar.occurred_at
        AND yes.action = 'granted' AND yes.is_own_choice
    WHERE bar.person IN (SELECT person FROM also) AND yes.occurred_at > (
        SELECT min(greatest(ours.joined_at, theirs.joined_at)) FROM path AS ours
        JOIN path AS theirs ON theirs.at_row = ours.at_row AND theirs.subject_id = yes.subject_id
        WHERE ours.subject_id = bar.subject_id)
), winner AS (
    SELECT DISTINCT ON (person, purpose_id) * FROM said
    ORDER BY person, purpose_id,
             CASE WHEN chosen_at > occurred_at OR id IN (SELECT id FROM lifted) THEN 0
                  WHEN action = 'objected' THEN 2
                  WHEN action <> 'granted' AND is_own_choice THEN 1
                  ELSE 0 END DESC,
             occurred_at DESC, action = 'granted', action, source, is_own_choice, id
)
INSERT INTO consent_consentstate AS state
    (subject_id, purpose_id, is_granted, is_objection, since, record_id, expires_at)
SELECT person, purpose_id, action = 'granted', action = 'objected', occurred_at, id,
       -- What a merged row holds runs out when it would have run out there.
       (SELECT own.expires_at FROM consent_consentstate AS own
        WHERE own.record_id = winner.id AND own.subject_id = winner.subject_id
          AND winner.subject_id <> winner.person)
FROM winner
ON CONFLICT (subject_id, purpose_id) DO UPDATE SET
    is_granted = EXCLUDED.is_granted, is_objection = EXCLUDED.is_objection,
    since = EXCLUDED.since, record_id = EXCLUDED.record_id, expires_at = EXCLUDED.expires_at
WHERE state.record_id <> EXCLUDED.record_id
"""


__all__ = ["Statement", "grant", "object_to", "record_many", "refold", "withdraw"]
