"""Ask at a steady rate, and tell how long each answer took from the moment it was due."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

HOST = "127.0.0.1"
_FALLBACK = b"x-personalization: fallback"


@dataclass(frozen=True, slots=True)
class Paced:
    """Waits are counted from when a request was due, so that a stall counts for all of them;
    `errors` are all answers but 200, and fallbacks; `at` is when each was answered."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float
    at: list[float]


def post(
    path: str,
    *,
    body: Callable[[int], bytes],
    port: int,
    seconds: float,
    rate: float,
    connections: int = 16,
) -> Paced:
    """Send `rate` requests a second for so long; `body` makes the n-th body."""

    def request(number: int) -> bytes:
        raw = body(number)
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(raw)}\r\n"
        return head.encode() + b"Content-Type: application/json\r\n\r\n" + raw

    return ask(request, port=port, seconds=seconds, rate=rate, connections=connections)


def ask(
    request: Callable[[int], bytes],
    *,
    port: int,
    seconds: float,
    rate: float,
    connections: int = 16,
) -> Paced:
    """The same for whole requests: `request` makes the n-th, with its head."""
    return asyncio.run(_Pacing(request, port=port).run(rate, seconds, connections))


class _Connection(asyncio.Protocol):
    """One request after the other. Streams and tasks would take as long as a lean server does,
    from cores that both share."""

    def __init__(self, pacing: "_Pacing") -> None:
        self._pacing = pacing
        self._held = b""
        self._due = 0.0
        self._is_asked = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def ask(self, request: bytes, *, due: float) -> None:
        self._due, self._is_asked = due, True
        self._writing.write(request)

    def data_received(self, data: bytes) -> None:
        held = self._held = self._held + data
        end = held.find(b"\r\n\r\n")
        if end < 0:
            return
        head = held[: end + 2].lower()
        if len(held) >= end + 4 + _length(head):
            self._held, self._is_asked = b"", False
            self._pacing.answered(self, head, due=self._due)

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_asked:
            self._pacing.failed(error or ConnectionResetError("closed before the answer"))

    def close(self) -> None:
        self._writing.close()

    @property
    def _writing(self) -> asyncio.WriteTransport:
        if self._transport is None:
            raise ConnectionError("not connected")
        return self._transport


class _Pacing:
    def __init__(self, request: Callable[[int], bytes], *, port: int) -> None:
        self._request, self._port = request, port
        # In turns: each is served by one of the web processes.
        self._idle: deque[_Connection] = deque()
        self._changed = asyncio.Event()
        self._fault: Exception | None = None
        self.waits: list[float] = []
        self.at: list[float] = []
        self.errors = 0

    async def run(self, rate: float, seconds: float, connections: int, /) -> Paced:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            made = await loop.create_connection(lambda: _Connection(self), HOST, self._port)
            self._idle.append(made[1])
        started = time.perf_counter()
        for number in range(round(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._until(1)
            self._idle.popleft().ask(self._request(number), due=due)
        await self._until(connections)
        took = time.perf_counter() - started
        for connection in self._idle:
            connection.close()
        p50, p99 = np.percentile(self.waits, [50, 99]) * 1000
        return Paced(
            requests=len(self.waits),
            seconds=took,
            errors=self.errors,
            p50_ms=float(p50),
            p99_ms=float(p99),
            at=sorted(self.at),
        )

    def answered(self, connection: _Connection, head: bytes, /, *, due: float) -> None:
        self.at.append(time.perf_counter())
        self.waits.append(self.at[-1] - due)
        self.errors += head.split(b" ", 2)[1] != b"200" or _FALLBACK in head
        self._idle.append(connection)
        self._changed.set()

    def failed(self, error: Exception, /) -> None:
        self._fault = error
        self._changed.set()

    async def _until(self, idle: int, /) -> None:
        """Wait until so many connections have nothing to wait for."""
        while len(self._idle) < idle:
            if self._fault is not None:
                raise self._fault
            self._changed.clear()
            await self._changed.wait()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise OSError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])
