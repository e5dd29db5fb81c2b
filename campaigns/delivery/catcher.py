"""A mail server for development: takes every mail and keeps it in the local mailbox."""

import asyncio
import logging
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from campaigns.delivery import mailbox as local_mailbox

# Never another interface: whatever reaches this server is kept without any question.
LOOPBACK = "127.0.0.1"
MAX_MAIL_BYTES = 32 * 1024 * 1024
END_OF_DATA = b".\r\n"
PLAIN_PATH = re.compile(r"<([A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+)>(.*)\Z")
IDLE_SECONDS = 3600.0
logger = logging.getLogger(__name__)


class Keeper:
    """aiosmtpd's handler, shared by all connections."""

    def __init__(self, mailbox: Path, *, delay_seconds: float = 0.0) -> None:
        self._mailbox = mailbox
        self._serials = count(1)
        self._delay_seconds = delay_seconds

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # aiosmtpd answers pipelined commands in order but does not say so.
        return [*lines[:-1], "250-PIPELINING", lines[-1]]

    async def keep(self, content: bytes) -> str:
        """Answer 250 only when the mail is in the mailbox, otherwise ask to come again.

        A delay lies half before and half after: who dies meanwhile may or may not have sent it.
        """
        await asyncio.sleep(self._delay_seconds / 2)
        answer = self._store(content)
        await asyncio.sleep(self._delay_seconds / 2)
        return answer

    def _store(self, content: bytes) -> str:
        try:
            local_mailbox.create(self._mailbox)
            name = local_mailbox.store(
                content, mailbox=self._mailbox, at=datetime.now(UTC), serial=next(self._serials)
            )
        except OSError as error:
            logger.warning("mail not kept", extra={"reason": error.strerror})
            return f"452 4.3.1 the mail could not be kept: {error.strerror}"
        return f"250 2.0.0 OK kept as {name}"


class CatcherProtocol(SMTP):
    """aiosmtpd with a DATA that reads to the closing dot at once, not line by line."""

    line_length_limit = MAX_MAIL_BYTES

    def __init__(self, keeper: Keeper, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            keeper,
            hostname="catcher",
            ident="Attune catcher",
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            timeout=IDLE_SECONDS,
            loop=loop,
        )
        self._keeper = keeper

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._content()
        if content is None:
            answer = "552 5.3.4 the mail is larger than the catcher takes"
        else:
            answer = await self._keeper.keep(content)
        self.envelope = self._create_envelope()
        await self.push(answer)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        # The standard library's parser takes a third of the time of a whole mail.
        if match := PLAIN_PATH.match(arg):
            return match[1], match[2]
        return super()._getaddr(arg)

    async def _content(self) -> bytes | None:
        """Read up to a line that is a single dot; None if that was too much."""
        pieces: list[bytes] = []
        size = 0
        tail = b"\r\n"
        while not tail.endswith(b"\r\n" + END_OF_DATA):
            piece = await self._piece()
            size += len(piece)
            if size > MAX_MAIL_BYTES:
                pieces.clear()
            pieces.append(piece)
            tail = tail[-2:] + piece
        if size > MAX_MAIL_BYTES:
            return None
        content = b"".join(pieces)[: -len(END_OF_DATA)]
        return content.removeprefix(b".").replace(b"\r\n.", b"\r\n")

    async def _piece(self) -> bytes:
        try:
            return await self._reader.readuntil(END_OF_DATA)
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed)


def run(
    *, mailbox: Path, port: int, started: Callable[[int], None], delay_seconds: float = 0.0
) -> None:
    """Catch mail until SIGINT or SIGTERM; `started` is told the port (0 lets the system choose).

    With a delay each mail takes that long, as with a provider far away.
    """
    # aiosmtpd logs senders and recipients at level INFO.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    local_mailbox.create(mailbox)
    keeper = Keeper(mailbox, delay_seconds=delay_seconds)
    asyncio.run(_serve(keeper, port=port, started=started))


async def _serve(keeper: Keeper, *, port: int, started: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(
        lambda: CatcherProtocol(keeper, loop=loop), LOOPBACK, port, backlog=256
    )
    async with server:
        started(int(server.sockets[0].getsockname()[1]))
        await stopped.wait()
