"""Post bodies to a web server of this machine, each with message ids of its own."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

HOST = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Posted:
    """`requests` counts those that were taken or failed, and `errors` the latter; `told_to_wait`
    how often a server was too busy; `cpu_seconds` is what the server's processes took."""

    requests: int
    seconds: float
    errors: int
    told_to_wait: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float


def post(
    path: str, *, body: Callable[[int], bytes], port: int, seconds: float, connections: int
) -> Posted:
    """Keep so many connections busy for so long; `body` makes the n-th body.

    A connection that is told to wait (429) does so as clients do, and then sends the same again.
    """
    return asyncio.run(_post(path, body=body, port=port, seconds=seconds, connections=connections))


def cpu_seconds(port: int) -> float:
    """Return the processor time of the server of a port and of what it started; 0 without /proc."""
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    fields = [stat.rpartition(")")[2].split() for stat in stats]
    sessions = {_session(pid) for pid in _listening(port)}
    ticks = sum(int(each[11]) + int(each[12]) for each in fields if each[3] in sessions)
    return ticks / _TICKS


async def _post(
    path: str, *, body: Callable[[int], bytes], port: int, seconds: float, connections: int
) -> Posted:
    posting = _Posting(path, body=body, port=port, until=time.perf_counter() + seconds)
    before, started = cpu_seconds(port), time.perf_counter()
    await asyncio.gather(*(posting.connection() for _ in range(connections)))
    took = time.perf_counter() - started
    p50, p99 = np.percentile(posting.waits or [0.0], [50, 99]) * 1000
    return Posted(
        requests=len(posting.waits),
        seconds=took,
        errors=posting.errors,
        told_to_wait=posting.told_to_wait,
        p50_ms=float(p50),
        p99_ms=float(p99),
        cpu_seconds=cpu_seconds(port) - before,
    )


class _Posting:
    # Goes on where the last one ended: no id comes twice.
    numbers = count()

    def __init__(self, path: str, *, body: Callable[[int], bytes], port: int, until: float) -> None:
        self.waits: list[float] = []
        self.errors = 0
        self.told_to_wait = 0
        self._path, self._body, self._port, self._until = path, body, port, until

    async def connection(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        raw = b""
        while (asked := time.perf_counter()) < self._until:
            raw = raw or self._body(next(self.numbers))
            head = f"POST {self._path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(raw)}\r\n"
            writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + raw)
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_number(answer, b"content-length"))
            status = answer.split(b" ", 2)[1]
            if status == b"429":
                self.told_to_wait += 1
                wanted = _number(answer, b"retry-after")
                await asyncio.sleep(min(wanted, max(0.0, self._until - time.perf_counter())))
                continue
            raw = b""
            self.waits.append(time.perf_counter() - asked)
            self.errors += status != b"200"
        writer.close()


def _number(head: bytes, name: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    if not found:
        raise OSError(f"an answer without {name.decode()}")
    return int(rest.partition(b"\r\n")[0])


def _listening(port: int) -> list[str]:
    """Return the processes that were started for a port."""
    wanted = f"\0--port\0{port}\0".encode()
    lines = ((path.parent.name, path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [pid for pid, path in lines if path.exists() and wanted in path.read_bytes()]


def _session(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3]
