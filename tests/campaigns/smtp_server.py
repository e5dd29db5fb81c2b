"""A real SMTP server on a socket that misbehaves exactly as a test tells it to."""

import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

RESET = "reset"  # the connection dies without a word
CLOSE = "close"  # it ends in good order
SILENCE = "silence"  # no answer ever


@dataclass
class Script:
    """Answers by address; contents by their order. What is not told is answered kindly."""

    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME")
    mail: Mapping[str, str] = field(default_factory=dict)
    rcpt: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[int, str] = field(default_factory=dict)
    # The answers to RSET in their order.
    reset: list[str] = field(default_factory=list)
    # Some servers accept DATA although they refused the recipient (RFC 2920, 3.1).
    is_data_open_without_recipient: bool = False
    reset_inside_content: int | None = None
    close_after_contents: int | None = None


class ScriptedServer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.contents: list[bytes] = []
        self.commands: list[str] = []
        self.connections = 0
        self.largest_group = 0
        self.spoke_too_early = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = _Session(self, connection)
            threading.Thread(target=session.run, daemon=True).start()


class _Session:
    def __init__(self, server: ScriptedServer, connection: socket.socket) -> None:
        self.server = server
        self.script = server.script
        self.connection = connection
        self.unread = b""
        self.sender = ""
        self.recipient = ""
        self.is_recipient_good = False
        self.is_open = True

    def run(self) -> None:
        with suppress(OSError):  # a client that hung up is none of our business
            self.converse()
        self.connection.close()

    def converse(self) -> None:
        self.answer("220 scripted")
        while self.is_open and (line := self.line()) is not None:
            self.server.commands.append(line)
            if "PIPELINING" not in self.script.extensions and (self.unread or self.is_readable()):
                self.server.spoke_too_early = True
            self.command(line)

    def command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            for extension in ("scripted", *self.script.extensions):
                self.connection.sendall(f"250-{extension}\r\n".encode())
            self.answer("250 HELP")
        elif verb == "MAIL":
            self.sender, self.recipient, self.is_recipient_good = _address(line), "", False
            self.answer(self.script.mail.get(self.sender, "250 OK"))
        elif verb == "RCPT":
            self.recipient = _address(line)
            reply = self.script.rcpt.get(self.recipient, "250 OK")
            self.is_recipient_good = reply.startswith("2")
            self.answer(reply)
        elif verb == "DATA":
            self.data()
        elif verb == "RSET":
            self.answer(self.script.reset.pop(0) if self.script.reset else "250 OK")
        elif verb == "QUIT":
            self.is_open = False
        else:
            self.answer("250 OK")

    def data(self) -> None:
        if not self.is_recipient_good and not self.script.is_data_open_without_recipient:
            self.answer("503 no recipient")
            return
        reply = self.script.data.get(self.recipient, "354 go on")
        self.answer(reply)
        if reply.startswith("354"):
            self.take_content()

    def take_content(self) -> None:
        index = len(self.server.contents)
        if self.script.reset_inside_content == index:
            self.receive()
            self.end(RESET)
            return
        lines: list[str] = []
        while (line := self.line()) is not None and line != ".":
            lines.append(line.removeprefix("."))
        if line is None:
            return
        content = "".join(f"{line}\r\n" for line in lines)
        self.server.contents.append(content.encode("utf-8", "surrogateescape"))
        self.answer(self.script.content.get(index, f"250 2.0.0 queued as Q{index}"))
        if self.script.close_after_contents == len(self.server.contents):
            self.end(CLOSE)

    def answer(self, reply: str) -> None:
        if reply in (RESET, CLOSE, SILENCE):
            self.end(reply)
        else:
            self.connection.sendall(reply.encode() + b"\r\n")
            if reply.startswith("421"):
                self.end(CLOSE)

    def end(self, how: str) -> None:
        self.is_open = False
        if how == SILENCE:
            time.sleep(1.5)
        if how == RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            self.connection.shutdown(socket.SHUT_WR)
        self.connection.close()

    def line(self) -> str | None:
        while b"\r\n" not in self.unread:
            if not self.is_open or not self.receive():
                return None
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def receive(self) -> bool:
        try:
            received = self.connection.recv(65_536)
        except OSError:
            return False
        self.server.largest_group = max(self.server.largest_group, received.count(b"\r\n"))
        self.unread += received
        return bool(received)

    def is_readable(self) -> bool:
        return bool(select.select([self.connection], [], [], 0.02)[0])


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]
