"""Django's SMTP backend on one open connection, with mails that Attune rendered."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default as modern

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from benchmarks.delivery import PreRenderedEmail
from benchmarks.receiver import Sink

SENDER = "hello@attune-market.example"


class NotAllTaken(Exception):
    """Django's count, the sink's and the number of mails are not the same."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a template engine hands over, before any MIME."""

    subject: str
    html: str
    text: str


def finished(contents: Sequence[bytes], *, port: int, sink: Sink) -> float:
    """Mails a second when nothing is left to build: the bytes go out as they are."""
    emails = [
        PreRenderedEmail(content, sender=SENDER, recipient=_recipient(number))
        for number, content in enumerate(contents)
    ]
    return _mails_a_second(emails, port=port, sink=sink)


def built(contents: Sequence[bytes], *, port: int, sink: Sink) -> float:
    """Mails a second when Django makes the MIME of the same subjects, HTML and text parts."""
    emails = []
    for number, content in enumerate(contents):
        parts = read(content)
        email = EmailMultiAlternatives(parts.subject, parts.text, SENDER, [_recipient(number)])
        email.attach_alternative(parts.html, "text/html")
        emails.append(email)
    return _mails_a_second(emails, port=port, sink=sink)


def read(content: bytes) -> Parts:
    """Take a rendered mail apart again."""
    parsed = message_from_bytes(content, policy=modern)
    html, text = (parsed.get_body(preferencelist=(kind,)) for kind in ("html", "plain"))
    assert html is not None, "a mail without HTML"
    assert text is not None, "a mail without a text part"
    return Parts(subject=str(parsed["Subject"]), html=html.get_content(), text=text.get_content())


def _mails_a_second(emails: Sequence[EmailMessage], *, port: int, sink: Sink) -> float:
    before, started = sink.taken(), time.monotonic()
    with EmailBackend(host="127.0.0.1", port=port, use_tls=False) as backend:
        sent = backend.send_messages(emails)
    seconds = time.monotonic() - started
    taken = sink.taken().since(before).mails
    if not sent == taken == len(emails):
        raise NotAllTaken(f"Django says {sent} of {len(emails)} mails, the sink {taken}")
    return round(taken / seconds, 1)


def _recipient(number: int) -> str:
    return f"customer-{number}@example.com"
