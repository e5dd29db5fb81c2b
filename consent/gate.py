"""The only place that answers: may we mail this person, and may we profile them?

The same question in three forms: `ask` for one subject, `permissions` for a batch (one query),
`refusal` as an expression for a whole audience in SQL. All three read the same rows: the key
(erased or not), the suppression list, then the state the consent ledger led to.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from consent import arrays, statements
from consent.models import ConsentState, DataSubject, Suppression
from consent.permission import Permission

PROFILING = "profiling"
TRACKING = "email_tracking"
# Erased, merged into another, or never there: nothing at all is allowed any more.
GONE = "erased"

# Stand for the purpose and the time in SQL that is compiled once.
_ANY_PURPOSE = "\N{REPLACEMENT CHARACTER}purpose"
_ANY_TIME = datetime(1, 1, 1, tzinfo=UTC)

# Django would write the ids one by one, and the server read them so.
_ASKED = """
SELECT asked.pk, asked.refusal,
       ARRAY(SELECT purpose_id FROM consent_consentstate
             WHERE subject_id = asked.pk AND is_granted
               AND (expires_at IS NULL OR expires_at > %s))
FROM ({} WHERE "consent_datasubject"."id" = ANY(%s::bigint[])) AS asked
"""
_PERMITTED = """EXISTS (
SELECT 1 FROM consent_consentstate s WHERE s.subject_id = p.subject_id AND s.purpose_id = %s
AND s.is_granted AND (s.expires_at IS NULL OR s.expires_at > %s) AND {also})"""


def ask(subject: DataSubject, *, purpose: str, at: datetime) -> Permission:
    """Decide for one person; an unknown person is refused as erased."""
    return permissions([subject.pk], purpose=purpose, at=at)[subject.pk]


def permissions(subject_ids: Iterable[int], *, purpose: str, at: datetime) -> dict[int, Permission]:
    """Decide for a batch in one query; every id asked for gets an answer."""
    ids = list(subject_ids)
    found = _asked(ids, purpose=purpose, at=at)
    return {pk: _permission(pk, purpose=purpose, at=at, found=found.get(pk, _NOBODY)) for pk in ids}


def allowed(
    subjects: "QuerySet[DataSubject]", *, purpose: str, at: datetime
) -> "QuerySet[DataSubject]":
    """Keep the subjects that may be mailed for this purpose."""
    return subjects.annotate(refusal=refusal("pk", purpose=purpose, at=at)).filter(refusal="")


def refusal(subject: str, *, purpose: str, at: datetime) -> Combinable:
    """Return an expression: why `subject` (a path to its id) may not be mailed, or ''."""
    own = DataSubject.objects.filter(pk=OuterRef(subject))
    suppressed = Suppression.objects.filter(
        lifted_at=None,
        address_hash=OuterRef(f"{_relation(subject)}suppression_hash"),
    )
    return Case(
        When(~Exists(own.filter(erased_at=None, merged_into=None)), then=Value(GONE)),
        When(~Exists(own.exclude(email_index=None)), then=Value("no_address")),
        When(Exists(suppressed), then=Value("suppressed")),
        When(
            ~Exists(_granted(at).filter(subject=OuterRef(subject), purpose=purpose)),
            then=Value("no_consent"),
        ),
        default=Value(""),
        output_field=CharField(),
    )


def permitted_sql(purpose: str, *, at: datetime, also: str = "true") -> tuple[str, list[object]]:
    """Return SQL that is true where `p.subject_id`, a living subject, granted a purpose.

    `also` is a condition on `p` that has to hold as well; its parameters follow those returned.
    """
    return _PERMITTED.replace("{also}", also), [purpose, at]


# Why a subject may not be mailed, or "", and all purposes they granted.
_Found = tuple[str, Sequence[str]]
_NOBODY: _Found = (GONE, ())


def _asked(ids: list[int], *, purpose: str, at: datetime) -> dict[int, _Found]:
    """Return what is found of each subject there is: `refusal`, asked for an array of ids."""
    sql, marks = _asked_sql()
    given: dict[Any, Any] = {_ANY_PURPOSE: purpose, _ANY_TIME: at}
    parameters: list[Any] = [at, *(given.get(mark, mark) for mark in marks), arrays.numbers(ids)]
    rows = statements.rows(sql, parameters, people=len(ids))
    return {pk: (reason, granted) for pk, reason, granted in rows}


@cache
def _asked_sql() -> tuple[str, tuple[Any, ...]]:
    """Compile `refusal` once, with marks where purpose and time go: compiling takes longer than
    asking for one person does."""
    asked = DataSubject.objects.annotate(refusal=refusal("pk", purpose=_ANY_PURPOSE, at=_ANY_TIME))
    sql, marks = asked.values_list("pk", "refusal").query.sql_with_params()
    return _ASKED.format(sql), marks


def _granted(at: datetime) -> "QuerySet[ConsentState]":
    return ConsentState.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at), is_granted=True)


def _relation(subject: str) -> str:
    """Turn the path to an id into the prefix of the subject's other columns."""
    return "" if subject == "pk" else f"{subject.removesuffix('_id')}__"


def _permission(pk: int, *, purpose: str, at: datetime, found: _Found) -> Permission:
    reason, granted = found
    allowed_now = frozenset() if reason == GONE else frozenset(granted)
    return Permission(
        subject_id=pk,
        purpose=purpose,
        at=at,
        may_send=not reason,
        may_profile=PROFILING in allowed_now,
        may_track=TRACKING in allowed_now,
        reason=reason,
        granted=allowed_now,
    )


__all__ = ["Permission", "allowed", "ask", "permissions", "permitted_sql", "refusal"]
