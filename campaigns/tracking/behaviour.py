"""Emails are behaviour, too: what happens to a mail becomes an event on the person's profile."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.models import Send
from personalization.ingest.accept import accept
from personalization.ingest.incoming import Incoming
from personalization.models import Source

SOURCE = "attune"


def source() -> Source:
    """Return where the behaviour of mails is noted; read once for many."""
    return Source.objects.get(slug=SOURCE)


def sent(sends: Sequence[Send], *, source: Source, at: datetime) -> None:
    """Note a batch of sent mails; a mail is noted once, however often this is called."""
    accept([_event("Email Sent", send, key="sent", at=at) for send in sends], source=source, now=at)


def happened(name: str, send: Send, *, key: str, at: datetime, is_machine: bool = False) -> None:
    """Note one thing that came back from a mail."""
    event = _event(name, send, key=key, at=at, is_machine=is_machine)
    accept([event], source=SOURCE, now=at)


def _event(name: str, send: Send, *, key: str, at: datetime, is_machine: bool = False) -> Incoming:
    return Incoming(
        message_id=f"{send.message_key}:{key}",
        event=name,
        timestamp=at,
        properties={"campaign_id": send.campaign_id},
        subject_id=send.subject_id,
        is_machine=is_machine,
    )
