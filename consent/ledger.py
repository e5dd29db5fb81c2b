"""Write what a person said about a purpose: the record, and the state it leads to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    # Only the person's own new choice may lift an objection, an import never does.
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
    is left out, so an import that runs twice adds nothing. An older statement never overrides a
    newer one, and only an own choice lifts an objection.
    """
    unique = {_key(s): s for s in statements}
    known = _known_keys({key[0] for key in unique})
    fresh = [statement for key, statement in unique.items() if key not in known]
    records = ConsentRecord.objects.bulk_create(
        (_record(statement, actor_id=actor_id) for statement in fresh), batch_size=5000
    )
    _fold(list(zip(records, fresh, strict=True)))
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


def _key(statement: Statement) -> tuple[int, str, str, str, datetime]:
    s = statement
    return (s.subject_id, s.purpose, s.action, s.source, s.occurred_at)


def _known_keys(subject_ids: Iterable[int]) -> set[tuple[int, str, str, str, datetime]]:
    rows = ConsentRecord.objects.filter(subject__in=list(subject_ids))
    return set(rows.values_list("subject_id", "purpose_id", "action", "source", "occurred_at"))


def _record(statement: Statement, *, actor_id: int | None) -> ConsentRecord:
    return ConsentRecord(
        subject_id=statement.subject_id,
        purpose_id=statement.purpose,
        action=statement.action,
        source=statement.source,
        notice_version=statement.notice_version,
        language=statement.language,
        evidence=statement.evidence,
        actor_id=actor_id,
        occurred_at=statement.occurred_at,
    )


_FOLD = """
INSERT INTO consent_consentstate AS state
    (subject_id, purpose_id, is_granted, is_objection, since, record_id)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (subject_id, purpose_id) DO UPDATE SET
    is_granted = EXCLUDED.is_granted, is_objection = EXCLUDED.is_objection,
    since = EXCLUDED.since, record_id = EXCLUDED.record_id, expires_at = NULL
WHERE (EXCLUDED.is_objection AND NOT state.is_objection)
   OR (EXCLUDED.since >= state.since AND (NOT state.is_objection OR %s))
"""


def _fold(pairs: "list[tuple[ConsentRecord, Statement]]") -> None:
    """Let the newest statement win, in time order, whatever order a batch came in."""
    pairs.sort(key=lambda pair: (pair[1].occurred_at, pair[0].pk))
    with connection.cursor() as cursor:
        cursor.executemany(
            _FOLD,
            [
                (
                    record.subject_id,
                    record.purpose_id,
                    statement.action == Action.GRANTED,
                    statement.action == Action.OBJECTED,
                    statement.occurred_at,
                    record.pk,
                    statement.is_own_choice,
                )
                for record, statement in pairs
            ],
        )


__all__ = ["Statement", "grant", "object_to", "record_many", "withdraw"]
