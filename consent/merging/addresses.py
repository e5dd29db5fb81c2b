"""The address of people who were joined: which one they are mailed at, and whether at all."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from consent.merging.family import Family
from consent.models import DataSubject, Suppression

Reason = Suppression.Reason
# What is said of the person, and not of a mailbox.
_MEANT = (Reason.COMPLAINT, Reason.UNSUBSCRIBED, Reason.MANUAL, Reason.ERASED)
_SOURCE = "merge"

# An address is a row's own where its identifier stands; the living one may carry another's.
_ROWS = """
SELECT row.id, row.email_index, row.suppression_hash,
       EXISTS (SELECT 1 FROM consent_identifier i
               WHERE i.subject_id = row.id AND i.kind = 'email' AND i.hash = row.email_index)
FROM consent_datasubject AS row WHERE row.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    index: str | None
    suppression: str | None
    is_own: bool


def settle(people: Collection[Family], *, at: datetime) -> None:
    """Give each person their own address, else the first that came with a row joined to them.

    Who asked not to be mailed at one address is not mailed at another because two rows were
    joined: the refusal covers the person, for as long as they are joined.
    """
    rows = _rows({row for person in people for row in person.rows})
    refused = set(
        Suppression.objects.filter(
            address_hash__in={row.suppression for row in rows.values() if row.suppression},
            reason__in=_MEANT,
            lifted_at=None,
        ).values_list("address_hash", flat=True)
    )
    for person in people:
        kept = [rows[row] for row in person.rows if row in rows]
        living, other = kept[0], kept[1:]
        mailed = next((row for row in kept if row.is_own), None)
        index = mailed.index if mailed else None
        suppression = mailed.suppression if mailed else None
        if living.index != index:
            DataSubject.objects.filter(pk=living.pk).update(
                email_index=index, suppression_hash=suppression
            )
        if suppression:
            elsewhere = {row.suppression for row in other} - {suppression}
            _cover(suppression, is_refused=not refused.isdisjoint(elsewhere), at=at)


def _rows(row_ids: Collection[int]) -> dict[int, _Row]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [list(row_ids)])
        return {row[0]: _Row(*row) for row in cursor.fetchall()}


def _cover(address_hash: str, *, is_refused: bool, at: datetime) -> None:
    if is_refused:
        Suppression.objects.get_or_create(
            address_hash=address_hash,
            reason=Reason.SAME_PERSON,
            lifted_at=None,
            defaults={"source": _SOURCE, "created_at": at},
        )
    else:
        Suppression.objects.filter(
            address_hash=address_hash, reason=Reason.SAME_PERSON, lifted_at=None
        ).delete()
