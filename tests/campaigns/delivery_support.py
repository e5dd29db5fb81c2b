"""Envelopes to deliver, and a catcher in its own process to deliver them to."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaigns.delivery.base import Envelope
from consent.permission import Permission

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SENDER = "shop@example.com"
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from campaigns.delivery import catcher
catcher.run(
    mailbox=Path(sys.argv[1]),
    port=0,
    started=lambda port: print(port, flush=True),
    delay_seconds=int(sys.argv[2]) / 1000,
)
"""


def permission(*, subject_id: int = 1, may_send: bool = True, reason: str = "") -> Permission:
    return Permission(
        subject_id=subject_id,
        purpose="email_marketing",
        at=NOON,
        may_send=may_send,
        may_profile=True,
        may_track=True,
        reason=reason,
    )


def email(key: str, *, body: str = "Hello.\r\n") -> bytes:
    head = (
        f"X-Attune-Message-Key: {key}\r\nFrom: Shop <{SENDER}>\r\nTo: <{key}@example.com>\r\n"
        "Subject: News\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return (head + body).encode()


def envelope(
    key: str, *, recipient: str = "", sender: str = SENDER, content: bytes | None = None
) -> Envelope:
    return Envelope(
        message_key=key,
        subject_id=1,
        permission=permission(),
        sender=sender,
        recipient=recipient or f"{key}@example.com",
        content=email(key) if content is None else content,
    )


def envelopes(*keys: str) -> list[Envelope]:
    return [envelope(key) for key in keys]


@dataclass(frozen=True, slots=True)
class RunningCatcher:
    process: subprocess.Popen[str]
    port: int
    mailbox: Path

    @property
    def url(self) -> str:
        return f"catcher://127.0.0.1:{self.port}?mailbox={self.mailbox}"

    def contents(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.mailbox.glob("*.eml"))]


@contextmanager
def running_catcher(mailbox: Path, *, delay_ms: int = 0) -> Iterator[RunningCatcher]:
    command = [sys.executable, "-c", PROGRAM, str(mailbox), str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield RunningCatcher(process=process, port=port, mailbox=mailbox)
        finally:
            process.kill()
