"""Mails a second over one open connection: Django's SMTP backend beside our pipelining client.

    python -m benchmarks.delivery [--mails 2000] [--rounds 3] [--bytes 15000]

Every client hands the same pre-rendered bytes to a server in its own process: the bare sink of
`benchmarks/sink.py`, then the catcher, which keeps each mail in a file.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage as ParsedMessage

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from campaigns.delivery.envelope import Envelope, Outcome
from campaigns.delivery.smtp import SmtpBackend
from campaigns.delivery.smtp_connection import Server
from consent.permission import Permission

GROUP = 20  # as many as the pipeline hands over between two marks
SENDER = "shop@example.com"
SINK = [sys.executable, "-m", "benchmarks.sink", "--port", "0"]
CATCHER = """
import sys
from pathlib import Path
from campaigns.delivery import catcher
catcher.run(mailbox=Path(sys.argv[1]), port=0, started=lambda port: print(port, flush=True))
"""


class Rendered(ParsedMessage):
    """Finished bytes in the place of the message that Django would build and serialise."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def as_bytes(self, *args: object, **kwargs: object) -> bytes:
        return self._content


class PreRenderedEmail(EmailMessage):
    def __init__(self, content: bytes, *, sender: str, recipient: str) -> None:
        super().__init__(from_email=sender, to=[recipient])
        self._content = content

    def message(self, *, policy: object = None) -> Rendered:
        return Rendered(self._content)


def through_django(envelopes: Sequence[Envelope], *, port: int) -> None:
    emails = [
        PreRenderedEmail(envelope.content, sender=envelope.sender, recipient=envelope.recipient)
        for envelope in envelopes
    ]
    with EmailBackend(host="127.0.0.1", port=port, use_tls=False) as backend:
        assert backend.send_messages(emails) == len(envelopes)


def through_ours(envelopes: Sequence[Envelope], *, port: int) -> None:
    backend = SmtpBackend(Server("127.0.0.1", port))
    for start in range(0, len(envelopes), GROUP):
        deliveries = backend.deliver(envelopes[start : start + GROUP])
        assert all(delivery.outcome is Outcome.SENT for delivery in deliveries)
    backend.close()


CLIENTS: dict[str, Callable[..., None]] = {"Django": through_django, "Attune": through_ours}


def make_envelopes(count: int, *, size_bytes: int) -> list[Envelope]:
    permission = Permission(
        subject_id=1,
        purpose="email_marketing",
        at=datetime.now(UTC),
        may_send=True,
        may_profile=True,
        may_track=True,
    )
    line = '<p style="font-family:Arial">What you looked at is in stock again.</p>\r\n'
    body = line * (size_bytes // len(line))
    return [
        Envelope(
            message_key=f"key-{number}",
            subject_id=1,
            permission=permission,
            sender=SENDER,
            recipient=f"customer-{number}@example.com",
            content=(
                f"X-Attune-Message-Key: key-{number}\r\nFrom: <{SENDER}>\r\n"
                f"To: <customer-{number}@example.com>\r\nSubject: Back in stock\r\n"
                f"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}"
            ).encode(),
        )
        for number in range(count)
    ]


@contextmanager
def server_process(command: list[str]) -> Iterator[int]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.communicate()


def mails_a_second(
    through: Callable[..., None], *, envelopes: Sequence[Envelope], port: int
) -> float:
    started = time.perf_counter()
    through(envelopes, port=port)
    return len(envelopes) / (time.perf_counter() - started)


def measure(command: list[str], *, envelopes: Sequence[Envelope], rounds: int) -> dict[str, float]:
    """Take turns, so that a busy moment of the machine does not favour one client."""
    rates: dict[str, list[float]] = {name: [] for name in CLIENTS}
    with server_process(command) as port:
        for _ in range(rounds):
            for name, through in CLIENTS.items():
                rates[name].append(mails_a_second(through, envelopes=envelopes, port=port))
    return {name: round(statistics.median(values)) for name, values in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=15_000)
    options = parser.parse_args()
    settings.configure()
    envelopes = make_envelopes(options.mails, size_bytes=options.bytes)
    with tempfile.TemporaryDirectory() as mailbox:
        servers = {"sink": SINK, "catcher": [sys.executable, "-c", CATCHER, mailbox]}
        for name, command in servers.items():
            rates = measure(command, envelopes=envelopes, rounds=options.rounds)
            ratio = round(rates["Attune"] / rates["Django"], 2)
            print(json.dumps({"server": name, "mails_per_second": rates, "ratio": ratio}))


if __name__ == "__main__":
    main()
