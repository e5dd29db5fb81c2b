"""Ask at a steady rate, and tell how long each answer took from the moment it was due."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

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


class _Pacing:
    def __init__(self, request: Callable[[int], bytes], *, port: int) -> None:
        self._request, self._port = request, port
        self.waits: list[float] = []
        self.at: list[float] = []
        self.errors = 0

    async def run(self, rate: float, seconds: float, connections: int, /) -> Paced:
        idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for _ in range(connections):
            idle.put_nowait(await asyncio.open_connection(HOST, self._port))
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(round(rate * seconds)):
                due = started + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._one(number, due, await idle.get(), idle))
        took = time.perf_counter() - started
        while not idle.empty():
            idle.get_nowait()[1].close()
        p50, p99 = np.percentile(self.waits, [50, 99]) * 1000
        return Paced(
            requests=len(self.waits),
            seconds=took,
            errors=self.errors,
            p50_ms=float(p50),
            p99_ms=float(p99),
            at=sorted(self.at),
        )

    async def _one(
        self,
        number: int,
        due: float,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        idle: "asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]",
        /,
    ) -> None:
        reader, writer = connection
        writer.write(self._request(number))
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(answer))
        self.at.append(time.perf_counter())
        self.waits.append(self.at[-1] - due)
        is_good = answer.split(b" ", 2)[1] == b"200" and _FALLBACK not in answer.lower()
        self.errors += not is_good
        idle.put_nowait(connection)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise OSError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])
