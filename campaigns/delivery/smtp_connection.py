"""One SMTP connection: bytes out, replies in, every wait limited."""

import base64
import re
import select
import socket
import ssl
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, NoReturn

from campaigns.delivery.envelope import DeliveryError

MAX_REPLY_BYTES = 65_536
READ_BYTES = 65_536
ENHANCED_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class Security(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    security: Security = Security.NONE
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    hello_name: str = ""
    ca_file: str = ""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class ConnectionLostError(DeliveryError):
    """The conversation cannot go on; `sent_bytes` of the last `send` had left by then."""

    def __init__(self, reason: str, *, sent_bytes: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent_bytes = sent_bytes


class Reply(NamedTuple):
    code: int
    text: str

    @property
    def status(self) -> str:
        """The numbers alone: a server's words may repeat the address it was asked about."""
        enhanced = ENHANCED_STATUS.match(self.text)
        return f"{self.code} {enhanced.group()}" if enhanced else str(self.code)


class Connection:
    """Connected, greeted, encrypted and authenticated as its server asks, or not constructed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        # Whole lines that nobody asked for yet, and what came of the next one.
        self._lines: deque[bytes] = deque()
        self._begun = b""
        self._socket = _connect(server)
        self.extensions: dict[str, str] = {}
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def send(self, data: bytes) -> None:
        """Hand all of `data` to the network, or say in the error how much of it had left."""
        sent = 0
        deadline = time.monotonic() + self._server.timeout_seconds
        view = memoryview(data)
        while sent < len(data):
            try:
                sent += self._socket.send(view[sent:])
            except OSError as error:
                raise ConnectionLostError(_reason(error), sent_bytes=sent) from error
            if sent < len(data) and time.monotonic() > deadline:
                raise ConnectionLostError("the server takes data too slowly", sent_bytes=sent)

    def reply(self) -> Reply:
        """Read one reply, of one line or several; the lines' texts are joined by line feeds."""
        texts: list[str] = []
        while True:
            code, text, is_last = _read(self._line())
            if is_last and not texts:
                return Reply(code, text)
            texts.append(text)
            if is_last:
                return Reply(code, "\n".join(texts))
            if len(texts) > 100:
                raise ConnectionLostError("the server's answer does not end")

    def is_stale(self) -> bool:
        """Tell whether a kept connection was closed, or spoken on, while nobody asked anything."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return self._has_more() or bool(poll.poll(0))

    def quit(self) -> None:
        """Take leave without waiting for the answer."""
        with suppress(ConnectionLostError):
            self.send(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, command: str) -> Reply:
        self.send(command.encode("ascii") + b"\r\n")
        return self.reply()

    def _line(self) -> bytes:
        if not self._lines:
            self._wait_for_lines()
        return self._lines.popleft()

    def _wait_for_lines(self) -> None:
        deadline = time.monotonic() + self._server.timeout_seconds
        while not self._lines:
            if len(self._begun) > MAX_REPLY_BYTES or time.monotonic() > deadline:
                raise ConnectionLostError("the server's answer does not end")
            self._receive()

    def _has_more(self) -> bool:
        """Say whether something came that nobody asked for."""
        return bool(self._lines or self._begun)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise ConnectionLostError(_reason(error)) from error
        if not data:
            raise ConnectionLostError("the server closed the connection")
        *lines, self._begun = (self._begun + data).split(b"\n")
        self._lines += lines

    def _greet(self) -> None:
        greeting = self.reply()
        if greeting.code != 220:
            raise ConnectionLostError(f"the server greeted with {greeting.status}")
        self._hello()
        if self._server.security is Security.STARTTLS:
            self._start_tls()
            self._hello()
        if self._server.username:
            self._authenticate()

    def _hello(self) -> None:
        name = self._server.hello_name or _address_literal(self._socket)
        answer = self.ask(f"EHLO {name}")
        if answer.code != 250:
            answer = self.ask(f"HELO {name}")
        if answer.code != 250:
            raise ConnectionLostError(f"the server answered the greeting with {answer.status}")
        lines = (line.partition(" ") for line in answer.text.split("\n")[1:])
        self.extensions = {keyword.upper(): value.upper() for keyword, _, value in lines}

    def _start_tls(self) -> None:
        if "STARTTLS" not in self.extensions:
            raise ConnectionLostError(
                "the server does not offer STARTTLS, which its address asks for"
            )
        answer = self.ask("STARTTLS")
        # Whatever came before the handshake could be an attacker's: never read it as encrypted.
        if answer.code != 220 or self._has_more():
            raise ConnectionLostError(f"the server answered STARTTLS with {answer.status}")
        self._socket = _encrypt(self._socket, server=self._server)

    def _authenticate(self) -> None:
        if "PLAIN" not in self.extensions.get("AUTH", "").split():
            raise ConnectionLostError(
                "the server does not offer AUTH PLAIN, which its address asks for"
            )
        secret = f"\0{self._server.username}\0{self._server.password}".encode()
        answer = self.ask(f"AUTH PLAIN {base64.b64encode(secret).decode('ascii')}")
        if answer.code != 235:
            raise ConnectionLostError(f"the server refused user name or password ({answer.status})")


@lru_cache(maxsize=64)
def _read(line: bytes) -> tuple[int, str, bool]:
    """Return code and text of a reply's line, and whether it is the last; most come again."""
    line = line.rstrip(b"\r")
    mark = line[3:4]
    if not line[:3].isdigit() or mark not in (b" ", b"-", b""):
        raise ConnectionLostError("the server's answer is not SMTP")
    return int(line[:3]), line[4:].decode("utf-8", "replace"), mark != b"-"


def _connect(server: Server) -> socket.socket:
    try:
        plain = socket.create_connection((server.host, server.port), timeout=server.timeout_seconds)
    except OSError as error:
        _refuse(error)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _encrypt(plain, server=server) if server.security is Security.TLS else plain


def _encrypt(plain: socket.socket, *, server: Server) -> ssl.SSLSocket:
    try:
        context = ssl.create_default_context(cafile=server.ca_file or None)
        return context.wrap_socket(plain, server_hostname=server.host)
    except OSError as error:
        plain.close()
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    raise ConnectionLostError(_reason(error)) from error


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror or type(error).__name__)[:200]


def _address_literal(connected: socket.socket) -> str:
    address = str(connected.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
