"""What a person is known by, opened for a page: in clear, or masked."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from consent import identity
from consent.masking import mask, mask_email
from consent.models import DataSubject, Identifier


@dataclass(frozen=True, slots=True)
class Known:
    kind: str
    source: str
    value: str = field(repr=False)
    since: datetime


def of_subject(subject: DataSubject, *, in_clear: bool) -> list[Known]:
    """Return the identifiers of one subject (one query); an erased one has none that open."""
    return of_rows([subject], in_clear=in_clear)[subject.pk]


def of_rows(subjects: Collection[DataSubject], *, in_clear: bool) -> dict[int, list[Known]]:
    """Return the identifiers of several rows, as those of one person (one query)."""
    found: dict[int, list[Known]] = {subject.pk: [] for subject in subjects}
    keys = {
        subject.pk: identity.unwrap(subject.wrapped_key, pseudonym=str(subject.pseudonym))
        for subject in subjects
        if subject.wrapped_key is not None
    }
    owners = {subject.pk: str(subject.pseudonym) for subject in subjects}
    for row in Identifier.objects.filter(subject__in=keys).order_by("kind", "pk"):
        value = identity.open_sealed(
            row.ciphertext,
            key=keys[row.subject_id],
            place=f"consent_identifier.{row.kind}",
            owner=owners[row.subject_id],
        ).decode()
        shown = value if in_clear else _masked(value, kind=row.kind)
        known = Known(
            kind=row.get_kind_display(), source=row.source, value=shown, since=row.created_at
        )
        found[row.subject_id].append(known)
    return found


def _masked(value: str, *, kind: str) -> str:
    return mask_email(value) if kind == Identifier.Kind.EMAIL else mask(value)
