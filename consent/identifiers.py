"""What a person is known by, opened for a page: in clear, or masked."""

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
    if subject.wrapped_key is None:
        return []
    owner = str(subject.pseudonym)
    key = identity.unwrap(subject.wrapped_key, pseudonym=owner)
    found = []
    for row in Identifier.objects.filter(subject=subject).order_by("kind", "pk"):
        place = f"consent_identifier.{row.kind}"
        value = identity.open_sealed(row.ciphertext, key=key, place=place, owner=owner).decode()
        shown = value if in_clear else _masked(value, kind=row.kind)
        found.append(
            Known(kind=row.get_kind_display(), source=row.source, value=shown, since=row.created_at)
        )
    return found


def _masked(value: str, *, kind: str) -> str:
    return mask_email(value) if kind == Identifier.Kind.EMAIL else mask(value)
