"""What tests of sending share: caught mails, sends in a state, other connections."""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypeVar

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from campaigns.delivery.base import get_backend
from campaigns.delivery.envelope import Backend
from campaigns.models import Campaign, Send
from consent.models import DataSubject, Identifier
from tests.campaigns.delivery_support import RunningCatcher
from tests.campaigns.smtp_server import Script, ScriptedServer

State = Send.State
T = TypeVar("T")


def caught(catcher: RunningCatcher) -> dict[str, EmailMessage]:
    """The mails in a catcher's mailbox by recipient; fails if one arrived twice."""
    mails = [message_from_bytes(content, policy=policy.default) for content in catcher.contents()]
    keys = [mail["X-Attune-Message-Key"] for mail in mails]
    assert len(keys) == len(set(keys)), "a message key arrived twice"
    return {address(mail): mail for mail in mails}


def address(mail: EmailMessage) -> str:
    header = mail["To"]
    assert header is not None
    return str(header.addresses[0].addr_spec)


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def states(campaign: Campaign) -> dict[str, int]:
    """How many sends of a campaign are in each state."""
    counts: dict[str, int] = {}
    for state in Send.objects.filter(campaign=campaign).values_list("state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    return counts


def end_leases() -> None:
    """Let the time of every lease run out, as if its worker had died long ago."""
    leased = Send.objects.exclude(lease_until=None)
    leased.update(lease_until=Now() - timedelta(seconds=1))


def end_waiting() -> None:
    """Let every waiting try be due."""
    Send.objects.filter(state=State.PLANNED).update(due_at=F("created_at"))


@contextmanager
def scripted(
    script: Script | None = None, *, timeout: float = 1.0
) -> Iterator[tuple[ScriptedServer, Backend]]:
    """A real SMTP server that behaves as told, and our backend for it."""
    server = ScriptedServer(script or Script())
    backend = get_backend(f"smtp://127.0.0.1:{server.port}?timeout={timeout}")
    try:
        yield server, backend
    finally:
        backend.close()
        server.close()


def together(*calls: Callable[[], T]) -> list[T]:
    """Run calls at the same moment, each on a database connection of its own."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        gate.wait()
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [running.result() for running in [pool.submit(run, call) for call in calls]]


def handing_over(campaign: Campaign, ids: Sequence[int]) -> uuid.UUID:
    """Leave rows as a worker does that dies while it hands them over; return its token."""
    token = uuid.uuid4()
    Send.objects.filter(campaign=campaign, pk__in=ids).update(
        state=State.HANDING_OVER,
        lease_token=token,
        lease_until=Now() + timedelta(seconds=300),
        handed_over_at=Now(),
    )
    return token


def erase(subject: DataSubject, *, at: datetime) -> None:
    """Leave the tombstone an erasure leaves: no key, no address, no identifier."""
    Identifier.objects.filter(subject=subject).delete()
    DataSubject.objects.filter(pk=subject.pk).update(
        wrapped_key=None, email_index=None, erased_at=at
    )
