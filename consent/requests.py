"""Take in what people ask for under the law, and say when it is done; the clock is the law's."""

import calendar
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from consent import audit
from consent.models import DataSubject, PrivacyRequest

State = PrivacyRequest.State
NOBODY = "names nobody we know"


@transaction.atomic
def take(
    kind: str,
    *,
    subject: DataSubject | None,
    source: str,
    reference: str,
    received_at: datetime,
) -> PrivacyRequest:
    """Note a request, due a month after it came in; the same reference asks for it once."""
    fresh = {
        "subject": subject,
        "received_at": received_at,
        "due_at": due(received_at),
        "note": "" if subject or kind == PrivacyRequest.Kind.SHOP_ERASURE else NOBODY,
    }
    if not reference:
        request, created = PrivacyRequest.objects.create(kind=kind, source=source, **fresh), True
    else:
        request, created = PrivacyRequest.objects.get_or_create(
            kind=kind, source=source, reference=reference, defaults=fresh
        )
    if created:
        pseudonym = subject.pseudonym if subject else None
        detail = {"kind": kind, "source": source}
        audit.note("privacy_request.receive", target=request, pseudonym=pseudonym, detail=detail)
    return request


@transaction.atomic
def close(
    request: PrivacyRequest,
    *,
    state: str,
    note: str,
    actor: AbstractBaseUser | AnonymousUser,
    now: datetime,
) -> bool:
    """Say that an open request is done or rejected, and why; False where it is closed already."""
    if state not in (State.DONE, State.REJECTED):
        raise ValueError(f"a request is closed as done or rejected, not as {state}")
    open_ones = PrivacyRequest.objects.filter(pk=request.pk, state=State.RECEIVED)
    if not open_ones.update(state=state, note=note[:300], done_at=now, handled_by=actor.pk):
        return False
    pseudonym = request.subject.pseudonym if request.subject else None
    audit.note(
        f"privacy_request.{state}",
        actor=actor,
        target=request,
        pseudonym=pseudonym,
        detail={"kind": request.kind},
    )
    return True


def due(received_at: datetime) -> datetime:
    """Return the same day of the next month, or its last one where it is shorter (Art. 12(3)).

    The calendar is that of the house's time zone: 31 January is answered by the end of February.
    """
    local = timezone.localtime(received_at)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day)
