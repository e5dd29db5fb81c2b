"""The local mailbox: one file a mail, named by time of receipt and message key."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}\.\d{6}Z)_\d{6,}_(?P<tag>[A-Za-z0-9.=:-]{0,128})\.eml\Z")
PLAIN_KEY = re.compile(r"[A-Za-z0-9.:-]{1,100}\Z")
KEY_HEADER = re.compile(rb"^X-Attune-Message-Key:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file's name says about its mail."""

    name: str
    tag: str
    received_at: datetime


def store(content: bytes, *, mailbox: Path, at: datetime, serial: int) -> str:
    """Keep the mail under a name of its own and return that name.

    Written aside and renamed: a mail is there as a whole or not at all, and once it is there it
    survives the death of this process. It is not forced to disk: this is no production store.
    """
    key = message_key(content)
    stamp = at.astimezone(UTC).strftime(STAMP)
    name = f"{stamp}_{serial:06d}_{file_tag(key) if key else ''}.eml"
    aside = mailbox / f"{name}.part"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write_all(descriptor, content)
        aside.rename(mailbox / name)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return name


def find(mailbox: Path, keys: Iterable[str]) -> Mapping[str, bool]:
    """Say of each message key whether a mail with it is in the mailbox."""
    present = {name.rpartition("_")[2] for name in _names(mailbox)}
    return {key: f"{file_tag(key)}.eml" in present for key in keys}


def entries(mailbox: Path) -> list[Entry]:
    """List the mailbox, newest first."""
    found = (entry_of(name) for name in sorted(_names(mailbox), reverse=True))
    return [entry for entry in found if entry is not None]


def entry_of(name: str) -> Entry | None:
    """Read a file name; None if it is not one of ours (and so never a path elsewhere)."""
    match = NAME.match(name)
    if match is None:
        return None
    try:
        received_at = datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Entry(name=name, tag=match["tag"], received_at=received_at)


def message_key(content: bytes) -> str:
    head, _, _ = content.partition(b"\r\n\r\n")
    match = KEY_HEADER.search(head)
    return match[1].decode("utf-8", "replace") if match else ""


def file_tag(key: str) -> str:
    """Return the key as part of a file name: itself, or a hash where it would not be safe."""
    if PLAIN_KEY.match(key):
        return key
    return f"sha256={hashlib.sha256(key.encode()).hexdigest()}"


def create(mailbox: Path) -> None:
    # Mails hold personal data: nobody else on this machine may look into the folder.
    mailbox.mkdir(mode=0o700, parents=True, exist_ok=True)


def _names(mailbox: Path) -> list[str]:
    if not mailbox.is_dir():
        return []
    with os.scandir(mailbox) as files:
        return [file.name for file in files if file.name.endswith(".eml")]


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
