"""Record what came back from a mail, if the person still allows it at this moment."""

from datetime import datetime

from django.db import transaction

from campaigns.models import Link, Send, TrackingEvent
from campaigns.tracking import behaviour
from consent import gate, ledger
from consent.models import ConsentState, DataSubject

Kind = TrackingEvent.Kind


@transaction.atomic
def opened(send_id: int, *, at: datetime, is_machine: bool) -> bool:
    """Count an open; a consent taken back silences the pixels of mails sent before, too."""
    send = _trackable(send_id, at=at)
    if send is None:
        return False
    _store(send, kind=Kind.OPENED, at=at, is_machine=is_machine)
    key = f"open:{at.timestamp():.0f}"
    behaviour.happened("Email Opened", send, key=key, at=at, is_machine=is_machine)
    return True


@transaction.atomic
def clicked(link: Link, *, send_id: int, at: datetime, is_machine: bool) -> None:
    """Count a click: with the person where tracking is allowed, else for the campaign only."""
    send = _trackable(send_id, at=at) if send_id else None
    if send is None:
        TrackingEvent.objects.create(
            campaign_id=link.campaign_id,
            kind=Kind.CLICKED,
            link=link,
            is_machine=is_machine,
            occurred_at=at,
        )
        return
    _store(send, kind=Kind.CLICKED, at=at, is_machine=is_machine, link=link)
    key = f"click:{link.pk}:{at.timestamp():.0f}"
    behaviour.happened("Email Link Clicked", send, key=key, at=at, is_machine=is_machine)


@transaction.atomic
def unsubscribed(send_id: int, *, at: datetime) -> bool:
    """Take the person off the mail's purpose, at once and for good; say whether that was news."""
    send = Send.objects.select_related("campaign", "subject").filter(pk=send_id).first()
    subject = _living(send.subject) if send else None
    if send is None or subject is None:
        return False
    purpose = send.campaign.purpose_id
    # Whoever never agreed, or whose consent ran out, objects all the same: it outranks imports.
    said = ConsentState.objects.filter(subject=subject, purpose=purpose, is_objection=True)
    if said.exists():
        return False
    # Said by the row that was written to: it counts for whoever they are now, and goes with that
    # row if a merge is undone.
    ledger.object_to(send.subject, purpose=purpose, source="unsubscribe link", at=at)
    _store(send, kind=Kind.UNSUBSCRIBED, at=at, is_machine=False)
    behaviour.happened("Unsubscribed", send, key="unsubscribed", at=at)
    return True


def _trackable(send_id: int, *, at: datetime) -> Send | None:
    send = Send.objects.select_related("campaign", "subject").filter(pk=send_id).first()
    subject = _living(send.subject) if send else None
    if send is None or subject is None:
        return None
    permission = gate.ask(subject, purpose=send.campaign.purpose_id, at=at)
    return send if permission.may_track else None


def _living(subject: DataSubject) -> DataSubject | None:
    """Return whom a subject has become by merges; None once that person is erased."""
    while subject.merged_into is not None:
        subject = subject.merged_into
    return subject if subject.erased_at is None else None


def _store(
    send: Send, *, kind: str, at: datetime, is_machine: bool, link: Link | None = None
) -> None:
    TrackingEvent.objects.create(
        campaign_id=send.campaign_id,
        send=send,
        kind=kind,
        link=link,
        is_machine=is_machine,
        occurred_at=at,
    )
