"""Ask a web server of this machine as fast as it answers: by wrk where that is installed.

Without wrk a client in plain asyncio asks; both keep their connections where the server does.
"""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

HOST = "127.0.0.1"
WRK_SCRIPT = """
local paths, number = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function()
  number = number + 1
  return wrk.format("GET", paths[number %% #paths + 1])
end
done = function(summary, latency, requests)
  local errors = summary.errors
  local faults = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\\n{"requests": %%d, "seconds": %%f, "errors": %%d, "p50_ms": %%f, "p99_ms": %%f}\\n',
    summary.requests, summary.duration / 1e6, faults,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """`errors` are answers other than success, and connections that broke."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def tool() -> str:
    return "wrk" if shutil.which("wrk") else "asyncio client"


def ask(paths: Sequence[str], *, port: int, seconds: float, connections: int) -> Answered:
    """Ask for the paths in turn, on several connections, for so long."""
    if shutil.which("wrk"):
        return by_wrk(paths, port=port, seconds=seconds, connections=connections)
    return asyncio.run(by_asyncio(paths, port=port, seconds=seconds, connections=connections))


def by_wrk(paths: Sequence[str], *, port: int, seconds: float, connections: int) -> Answered:
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "ask.lua")
        listed.write_text("\n".join(paths))
        script.write_text(WRK_SCRIPT % listed)
        run = subprocess.run(
            [
                *("wrk", "--threads", "1", "--connections", str(connections)),
                *("--duration", f"{max(1, round(seconds))}s", "--script", str(script)),
                f"http://{HOST}:{port}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    return Answered(**json.loads(run.stdout.splitlines()[-1]))


async def by_asyncio(
    paths: Sequence[str], *, port: int, seconds: float, connections: int
) -> Answered:
    asking = _Asking(paths, until=time.perf_counter() + seconds)
    started = time.perf_counter()
    await asyncio.gather(*(asking.connection(port) for _ in range(connections)))
    took = time.perf_counter() - started
    p50, p99 = np.percentile(asking.waits or [0.0], [50, 99]) * 1000
    return Answered(
        requests=len(asking.waits),
        seconds=took,
        errors=asking.errors,
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


class _Asking:
    def __init__(self, paths: Sequence[str], *, until: float) -> None:
        self.waits: list[float] = []
        self.errors = 0
        self._until = until
        self._requests = cycle(
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode("ascii") for path in paths
        )

    async def connection(self, port: int) -> None:
        """Ask on one connection after the other; a server may close each after its answer."""
        while time.perf_counter() < self._until:
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                self.errors += 1
                await asyncio.sleep(0.01)
                continue
            try:
                await self._ask_on(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                self.errors += 1
            finally:
                writer.close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_open = True
        while is_open and time.perf_counter() < self._until:
            asked = time.perf_counter()
            writer.write(next(self._requests))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(_length(head))
            self.waits.append(time.perf_counter() - asked)
            self.errors += head.split(b" ", 2)[1] != b"200"
            is_open = b"\r\nconnection: close\r\n" not in head


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise OSError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])
