"""Read caught mails for display; a broken mail is shown as far as it goes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from itertools import islice
from pathlib import Path

from campaigns.delivery.mailbox import Entry, entries, entry_of, message_key

HEAD_BYTES = 16_384
UNFOLDED = re.compile(r"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list."""

    name: str
    received_at: datetime
    subject: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, taken apart."""

    name: str
    received_at: datetime
    key: str
    subject: str
    sender: str
    recipient: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    source: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MailPage:
    mails: tuple[Summary, ...]
    number: int
    has_newer: bool
    has_older: bool
    total_count: int


def read_page(mailbox: Path, *, number: int, size: int, search: str = "") -> MailPage:
    """Return the page `number` (1 is the newest) of the mails whose subject or address matches."""
    everything = entries(mailbox)
    start = (number - 1) * size
    found = islice(_matching(mailbox, everything, search=search), start, start + size + 1)
    mails = tuple(found)
    return MailPage(
        mails=mails[:size],
        number=number,
        has_newer=number > 1,
        has_older=len(mails) > size,
        total_count=len(everything),
    )


def read_mail(mailbox: Path, name: str) -> Mail | None:
    """Return the mail in the file `name`; None if there is no such mail."""
    entry = entry_of(name)
    path = mailbox / name
    if entry is None or not path.is_file():
        return None
    content = path.read_bytes()
    message = message_from_bytes(content)
    return Mail(
        name=name,
        received_at=entry.received_at,
        key=message_key(content),
        subject=_header(message, "Subject"),
        sender=_header(message, "From"),
        recipient=_header(message, "To"),
        html=_body(message, content_type="text/html"),
        text=_body(message, content_type="text/plain"),
        headers=tuple((header, _decoded(value)) for header, value in message.items()),
        source=content.decode("utf-8", "replace"),
        size_bytes=len(content),
    )


def _matching(mailbox: Path, candidates: list[Entry], *, search: str) -> Iterator[Summary]:
    wanted = search.casefold().strip()
    for entry in candidates:
        try:
            summary = _summary(mailbox, entry)
        except FileNotFoundError:
            continue  # the folder is being emptied while we read it
        if wanted in f"{summary.subject}\n{summary.recipient}".casefold():
            yield summary


def _summary(mailbox: Path, entry: Entry) -> Summary:
    with (mailbox / entry.name).open("rb") as file:
        head = file.read(HEAD_BYTES).partition(b"\r\n\r\n")[0]
    message = message_from_bytes(head)
    return Summary(
        name=entry.name,
        received_at=entry.received_at,
        subject=_header(message, "Subject"),
        sender=_header(message, "From"),
        recipient=_header(message, "To"),
    )


def _header(message: Message, name: str) -> str:
    return _decoded(message.get(name, ""))


def _decoded(value: object) -> str:
    text = UNFOLDED.sub("", str(value))
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _body(message: Message, *, content_type: str) -> str:
    for part in message.walk():
        if part.get_content_type() == content_type and part.get_filename() is None:
            return _text(part)
    return ""


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
