"""The sink in a process of its own, and how much it took so far."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Taken:
    """`keys` counts different message keys: less than `mails` if one came twice."""

    mails: int
    bytes: int
    keys: int

    def since(self, earlier: "Taken") -> "Taken":
        return Taken(
            mails=self.mails - earlier.mails,
            bytes=self.bytes - earlier.bytes,
            keys=self.keys - earlier.keys,
        )


class Sink:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def taken(self) -> Taken:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return Taken(**json.loads(self._process.stdout.readline()))


@contextmanager
def sink(port: int, *, keep: Path | None = None, keep_count: int = 0) -> Iterator[Sink]:
    """Start a sink that ends with this process at the latest; it may keep its first mails."""
    program = str(Path(__file__).with_name("sink.py"))
    command = [sys.executable, program, "--port", str(port), "--ask"]
    if keep is not None:
        command += ["--keep", str(keep), "--keep-count", str(keep_count)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is for the benchmark: it ends the sink by closing its input.
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if int(process.stdout.readline()) != port:
                raise ChildProcessError(f"the sink does not listen on port {port}")
            yield Sink(process)
        finally:
            process.stdin.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number
