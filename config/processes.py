"""Start the processes of an installation side by side; none of them outlives this one."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from config.embedded.layout import var_folder

ROOT = Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
PATIENCE_SECONDS = 30


class NotStarted(Exception):
    """A process did not come up; the message quotes the end of its log."""


class Processes:
    """A group of children that is stopped as one, at the latest when this process dies."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], *, quiet: bool = True) -> None:
        """Start one child; its output goes to `var/log/NAME.log` unless it is to be seen."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._children[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output if quiet else None,
                stderr=subprocess.STDOUT if quiet else None,
                preexec_fn=partial(_die_with, os.getpid()),
                start_new_session=True,
            )

    def wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Wait until a child answers, or say why it does not."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_ready():
            if self._children[name].poll() is not None or time.monotonic() > end:
                tail = self.log(name).read_text(errors="replace")[-1500:]
                raise NotStarted(f"{name} did not start. The end of {self.log(name)}:\n{tail}")
            time.sleep(0.1)

    def dead(self) -> list[str]:
        """Return the names of children that ended."""
        return [name for name, child in self._children.items() if child.poll() is not None]

    def stop(self) -> None:
        """Ask all to end, and make them after ten seconds."""
        for child in self._children.values():
            _signal(child, signal.SIGTERM)
        end = time.monotonic() + 10
        for child in self._children.values():
            try:
                child.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.wait()
        self._children.clear()

    def log(self, name: str) -> Path:
        return var_folder() / "log" / f"{name}.log"


def web(port: int) -> list[str]:
    """Few blocking threads: each keeps a database connection (docs/benchmarks.md)."""
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    return [
        _tool("granian"),
        *options,
        *("--workers", "1", "--blocking-threads", "3", "--no-access-log", "--log-level", "warning"),
        "config.wsgi:application",
    ]


def worker(count: int = 2) -> list[str]:
    options = ["worker", "--concurrency", str(count), "--loglevel", "warning"]
    return [_tool("celery"), "-A", "config.celery", *options]


def beat() -> list[str]:
    schedule = str(var_folder() / "run" / "beat-schedule")
    return [_tool("celery"), "-A", "config.celery", "beat", "-s", schedule, "--loglevel", "warning"]


def catcher(port: int) -> list[str]:
    return [sys.executable, "manage.py", "catcher", "--port", str(port)]


def answers(url: str) -> bool:
    """Say whether a server of ours answers at all, well or not."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _signal(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Signal a child and what it started: it leads a session of its own."""
    if child.poll() is None:
        os.killpg(child.pid, number)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)
