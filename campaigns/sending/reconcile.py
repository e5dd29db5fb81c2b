"""Find out what became of sends whose worker died: give back, ask the provider, never guess."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from campaigns.delivery.base import Backend
from campaigns.models import Send
from campaigns.tracking import behaviour

State = Send.State
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`returned` were never handed over; of the doubtful ones, what the provider said."""

    returned: int
    confirmed: int
    resent: int
    unknown: int


def reconcile(*, backend: Backend, now: datetime) -> Reconciled:
    """Settle every row whose lease ran out.

    A claimed row was not handed over yet: it is planned again. A row in handing over becomes
    UNKNOWN, and only the provider's own word, by our message key, makes it sent or planned again.
    """
    returned = _return_claimed(now=now)
    _doubt()
    return _ask(backend, returned=returned, now=now)


def _return_claimed(*, now: datetime) -> int:
    """A worker that wakes up late finds its token gone and hands nothing over."""
    overdue = Send.objects.lapsed(State.CLAIMED)
    return overdue.update(state=State.PLANNED, lease_token=None, lease_until=None, due_at=now)


@transaction.atomic
def _doubt() -> None:
    """Pass over rows that a living worker holds (`states.hold`), however slow its server is."""
    overdue = Send.objects.lapsed(State.HANDING_OVER).select_for_update(skip_locked=True)
    doubtful = list(overdue.order_by("pk").values_list("pk", flat=True)[:BATCH])
    Send.objects.filter(pk__in=doubtful).update(state=State.UNKNOWN, lease_token=None)


@transaction.atomic
def _ask(backend: Backend, *, returned: int, now: datetime) -> Reconciled:
    """Ask about doubtful rows whose lease is over: until then the mail may still be on its way."""
    doubtful = Send.objects.lapsed(State.UNKNOWN)
    rows = {
        str(send.message_key): send
        for send in doubtful.select_for_update(skip_locked=True).order_by("pk")[:BATCH]
    }
    answers = backend.lookup(list(rows)) if rows else {}
    if answers is None:
        # Nobody can tell: they stay UNKNOWN for good, and are not asked about again.
        Send.objects.filter(pk__in=[send.pk for send in rows.values()]).update(lease_until=None)
        return Reconciled(returned=returned, confirmed=0, resent=0, unknown=len(rows))
    arrived = [send for key, send in rows.items() if answers.get(key) is True]
    missing = [send for key, send in rows.items() if answers.get(key) is False]
    _confirm(arrived)
    _plan_again(missing, now=now)
    if arrived:
        behaviour.sent(arrived, source=behaviour.source(), at=now)
    unknown = len(rows) - len(arrived) - len(missing)
    return Reconciled(
        returned=returned, confirmed=len(arrived), resent=len(missing), unknown=unknown
    )


def _confirm(arrived: list[Send]) -> None:
    Send.objects.filter(pk__in=[send.pk for send in arrived]).update(
        state=State.SENT,
        sent_at=F("handed_over_at"),
        lease_until=None,
        detail="confirmed by the provider",
    )


def _plan_again(missing: list[Send], *, now: datetime) -> None:
    Send.objects.filter(pk__in=[send.pk for send in missing]).update(
        state=State.PLANNED, due_at=now, lease_until=None, detail="not received: sent again"
    )
