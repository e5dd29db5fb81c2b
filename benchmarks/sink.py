"""A bare SMTP server for measuring: takes every mail, counts it, keeps nothing but its key.

    python benchmarks/sink.py [--port 2600] [--keys FILE] [--keep FOLDER --keep-count N] [--ask]

Prints "PORT" when it listens and, on SIGTERM or SIGINT, mails, bytes and different message keys
as JSON. `--keys` appends the message key of each mail to FILE before the mail is answered.
`--ask`: each line on standard input is answered with the tally so far, and its end stops the sink.
"""

import argparse
import json
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import BinaryIO

KEY_HEADER = b"X-Attune-Message-Key: "
END_OF_DATA = b"\r\n.\r\n"
READ_BYTES = 65_536
STOPS = (signal.SIGINT, signal.SIGTERM)
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
        self._lock = Lock()

    def add(self, mail: bytes) -> None:
        key = _key(mail)
        with self._lock:
            self.mail_count += 1
            self.byte_count += len(mail)
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


def _key(mail: bytes) -> bytes:
    """Return what the header says, or "-"."""
    start = mail.find(KEY_HEADER, 0, mail.find(b"\r\n\r\n"))
    if start < 0:
        return b"-"
    start += len(KEY_HEADER)
    return mail[start : mail.find(b"\r\n", start)]


class Conversation:
    """One client. Whatever it sends together is answered together."""

    def __init__(self, client: socket.socket, *, tally: Tally) -> None:
        self._client = client
        self._tally = tally
        self._unread = bytearray()
        self._is_data = False

    def run(self) -> None:
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._client, suppress(ConnectionError):
            self._client.sendall(b"220 sink\r\n")
            while data := self._client.recv(READ_BYTES):
                self._unread += data
                if answers := b"".join(self._answers()):
                    self._client.sendall(answers)

    def _answers(self) -> Iterator[bytes]:
        while (answer := self._end_of_mail() if self._is_data else self._command()) is not None:
            yield answer

    def _command(self) -> bytes | None:
        end = self._unread.find(b"\r\n")
        if end < 0:
            return None
        verb = bytes(self._unread[:4]).upper()
        del self._unread[: end + 2]
        self._is_data = verb == b"DATA"
        return ANSWERS.get(verb, b"250 OK\r\n")

    def _end_of_mail(self) -> bytes | None:
        # From behind: nobody sends a second mail before the first is answered, only commands.
        end = self._unread.rfind(END_OF_DATA)
        if end < 0:
            return None
        self._tally.add(bytes(memoryview(self._unread)[: end + 2]))
        del self._unread[: end + len(END_OF_DATA)]
        self._is_data = False
        return b"250 OK\r\n"


def serve(tally: Tally, *, port: int) -> int:
    """Take clients from now on, each in a thread of its own; return the port."""
    server = socket.create_server(("127.0.0.1", port), backlog=256)
    Thread(target=_accept, args=(server, tally), daemon=True).start()
    number: int = server.getsockname()[1]
    return number


def _accept(server: socket.socket, tally: Tally) -> None:
    while True:
        client, _ = server.accept()
        Thread(target=Conversation(client, tally=tally).run, daemon=True).start()


def _answer_questions(tally: Tally) -> None:
    """A line on standard input asks for the tally; its end, that of the asking process, stops."""
    for _ in sys.stdin:
        print(tally, flush=True)


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
    if not options.ask:
        # Before the threads start: they inherit it, and the signal waits for `sigwait`.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    print(serve(tally, port=options.port), flush=True)
    if options.ask:
        _answer_questions(tally)
    else:
        signal.sigwait(STOPS)
        print(tally, flush=True)


if __name__ == "__main__":
    main()
