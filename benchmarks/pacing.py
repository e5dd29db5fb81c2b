"""Post bodies at a steady rate, and tell how long each took from the moment it was due."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Paced:
    """`waits_ms` are counted from when a request was due, so that a stall counts for all of them;
    `at` is when each was answered."""

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
    return asyncio.run(_Pacing(path, body=body, port=port).run(rate, seconds, connections))


class _Pacing:
    def __init__(self, path: str, *, body: Callable[[int], bytes], port: int) -> None:
        self._path, self._body, self._port = path, body, port
        self.waits: list[float] = []
        self.at: list[float] = []
        self.errors = 0

    async def run(self, rate: float, seconds: float, connections: int, /) -> Paced:
        idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for _ in range(connections):
            idle.put_nowait(await asyncio.open_connection(HOST, self._port))
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
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
        raw = self._body(number)
        head = f"POST {self._path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(raw)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + raw)
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(answer))
        self.at.append(time.perf_counter())
        self.waits.append(self.at[-1] - due)
        self.errors += answer.split(b" ", 2)[1] != b"200"
        idle.put_nowait(connection)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise OSError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])
