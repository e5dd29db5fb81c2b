"""Take out people, and names of people, that only an undone import knew."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from consent import identity
from consent.models import ConsentRecord, DataSubject, Identifier
from personalization.models import CustomerProfile

_EMAIL = Identifier.Kind.EMAIL


@dataclass(frozen=True, slots=True)
class Unmade:
    """`emptied` people leave a row without key, name or value, for the ledger to point to."""

    removed: int
    emptied: int


def unmake(subject_ids: Collection[int], *, now: datetime) -> Unmade:
    """Remove people; those of whom the consent ledger speaks become tombstones."""
    speaking = set(
        ConsentRecord.objects.filter(subject__in=subject_ids)
        .order_by()
        .values_list("subject_id", flat=True)
    )
    Identifier.objects.filter(subject__in=speaking).delete()
    CustomerProfile.objects.filter(pk__in=speaking).delete()
    DataSubject.objects.filter(pk__in=speaking).update(
        wrapped_key=None, email_index=None, suppression_hash=None, erased_at=now
    )
    silent = {*subject_ids} - speaking
    DataSubject.objects.filter(pk__in=silent).delete()
    return Unmade(removed=len(silent), emptied=len(speaking))


def take_names(identifiers: Collection[int], *, of: Collection[int]) -> None:
    """Take names from people who stay; whose address goes is known by the one before it."""
    gone = Identifier.objects.filter(pk__in=identifiers, subject__in=of)
    Identifier.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).delete()
    own_address = Identifier.objects.filter(
        subject=OuterRef("pk"), kind=_EMAIL, hash=OuterRef("email_index")
    )
    homeless = list(
        DataSubject.objects.filter(pk__in=of)
        .exclude(email_index=None)
        .filter(~Exists(own_address))
        .order_by("pk")
    )
    if not homeless:
        return
    latest: dict[int, Identifier] = {
        row.subject_id: row
        for row in Identifier.objects.filter(subject__in=homeless, kind=_EMAIL).order_by("pk")
    }
    for subject in homeless:
        _move(subject, to=latest.get(subject.pk))
    DataSubject.objects.bulk_update(homeless, ["email_index", "suppression_hash"])


def _move(subject: DataSubject, *, to: Identifier | None) -> None:
    if to is None:
        subject.email_index = subject.suppression_hash = None
        return
    owner = str(subject.pseudonym)
    key = identity.unwrap(subject.wrapped_key or b"", pseudonym=owner)
    place = f"consent_identifier.{_EMAIL}"
    address = identity.open_sealed(to.ciphertext, key=key, place=place, owner=owner).decode()
    subject.email_index = to.hash
    subject.suppression_hash = identity.suppression_hash(address)
