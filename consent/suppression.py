"""Put an address on the suppression list, and take it off again."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction

from consent import audit
from consent.models import DataSubject, Suppression


def suppress(*, address_hash: str, reason: str, source: str, at: datetime) -> bool:
    """Stop all mail to an address from now on; say whether this is news."""
    _, created = Suppression.objects.get_or_create(
        address_hash=address_hash,
        reason=reason,
        lifted_at=None,
        defaults={"source": source, "created_at": at},
    )
    return created


def suppress_subject(subject: DataSubject, *, reason: str, source: str, at: datetime) -> bool:
    """Stop all mail to a person's address; False when there is no address to stop."""
    if not subject.suppression_hash:
        return False
    return suppress(address_hash=subject.suppression_hash, reason=reason, source=source, at=at)


@transaction.atomic
def lift(
    entry: Suppression, *, actor: AbstractBaseUser | AnonymousUser, why: str, at: datetime
) -> None:
    """Allow mail again; the reason is kept, because someone may have to answer for it."""
    if Suppression.objects.filter(pk=entry.pk, lifted_at=None).update(lifted_at=at):
        entry.lifted_at = at
        audit.note("suppression.lift", actor=actor, target=entry, detail={"why": why})
