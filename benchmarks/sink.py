"""A bare SMTP server for measuring: takes every mail, counts it, keeps nothing but its key.

    python benchmarks/sink.py [--port 2600] [--keys FILE] [--keep FOLDER --keep-count N] [--ask]

Prints "PORT" when it listens and, on SIGTERM or SIGINT, mails, bytes and different message keys
as JSON. `--keys` appends the message key of each mail to FILE before the mail is answered.
`--ask`: each line on standard input is answered with the tally so far, and its end stops the sink.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

KEY_HEADER = re.compile(rb"^X-Attune-Message-Key:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
END_OF_DATA = b"\r\n.\r\n"
ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Tally:
    """What came in; the first mails may be kept as files, in the order they came."""

    def __init__(
        self, *, keys: BinaryIO | None = None, keep: Path | None = None, keep_count: int = 0
    ) -> None:
        self.mail_count = 0
        self.byte_count = 0
        self._seen: set[bytes] = set()
        self._keys = keys
        self._keep = keep
        self._keep_count = keep_count if keep else 0

    def add(self, mail: bytes) -> None:
        self.mail_count += 1
        self.byte_count += len(mail)
        match = KEY_HEADER.search(mail, 0, mail.find(b"\r\n\r\n"))
        key = match[1] if match else b"-"
        self._seen.add(key)
        if self._keys is not None:
            # Unbuffered: what was answered is in the file, whatever happens to this process.
            self._keys.write(key + b"\n")
        if self._keep is not None and self.mail_count <= self._keep_count:
            content = mail.removeprefix(b".").replace(b"\r\n..", b"\r\n.")
            (self._keep / f"{self.mail_count:06}.eml").write_bytes(content)

    def __str__(self) -> str:
        return json.dumps(
            {"mails": self.mail_count, "bytes": self.byte_count, "keys": len(self._seen)}
        )


class SinkProtocol(asyncio.Protocol):
    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._unread = bytearray()
        self._is_data = False
        self._searched = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        answers = bytearray()
        while (answer := self._next_answer()) is not None:
            answers += answer
        if answers:
            self._transport.write(bytes(answers))

    def _next_answer(self) -> bytes | None:
        return self._end_of_mail() if self._is_data else self._command()

    def _command(self) -> bytes | None:
        end = self._unread.find(b"\r\n")
        if end < 0:
            return None
        verb = bytes(self._unread[:4]).upper()
        del self._unread[: end + 2]
        if verb == b"DATA":
            self._is_data, self._searched = True, 0
        return ANSWERS.get(verb, b"250 OK\r\n")

    def _end_of_mail(self) -> bytes | None:
        end = self._unread.find(END_OF_DATA, self._searched)
        if end < 0:
            self._searched = max(0, len(self._unread) - len(END_OF_DATA))
            return None
        self._tally.add(bytes(self._unread[: end + 2]))
        del self._unread[: end + len(END_OF_DATA)]
        self._is_data = False
        return b"250 OK\r\n"


async def serve(tally: Tally, *, port: int, is_asked: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if is_asked:
        loop.add_reader(sys.stdin.fileno(), partial(_answer_question, tally, stopped))
    server = await loop.create_server(lambda: SinkProtocol(tally), "127.0.0.1", port, backlog=256)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await stopped.wait()
    if not is_asked:
        print(tally, flush=True)


def _answer_question(tally: Tally, stopped: asyncio.Event) -> None:
    """A line on standard input asks for the tally; its end, that of the asking process, stops."""
    if os.read(sys.stdin.fileno(), 4096):
        print(tally, flush=True)
    else:
        stopped.set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=2600, help="0 lets the system choose")
    parser.add_argument("--keys", type=Path, help="append the key of each mail to this file")
    parser.add_argument("--keep", type=Path, help="keep the first mails in this folder")
    parser.add_argument("--keep-count", type=int, default=0, help="how many to keep")
    parser.add_argument("--ask", action="store_true", help="answer questions on standard input")
    options = parser.parse_args()
    keys = options.keys.open("ab", buffering=0) if options.keys else None
    tally = Tally(keys=keys, keep=options.keep, keep_count=options.keep_count)
    asyncio.run(serve(tally, port=options.port, is_asked=options.ask))


if __name__ == "__main__":
    main()
