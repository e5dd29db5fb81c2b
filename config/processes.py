"""Start the processes of an installation side by side; none of them outlives this one."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from config.embedded.child import bind_to
from config.embedded.layout import var_folder

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 90
STOP_SECONDS = 10


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
                preexec_fn=partial(bind_to, os.getpid(), death_signal=signal.SIGTERM),
                start_new_session=True,
            )

    def wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Wait until a child answers, or say why it does not."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_ready():
            if _has_ended(self._children[name]) or time.monotonic() > end:
                raise NotStarted(f"{name} did not start. {self.last_words(name)}")
            time.sleep(0.1)

    def last_words(self, name: str) -> str:
        log = self.log(name)
        return f"The end of {log}:\n{log.read_text(errors='replace')[-1500:]}"

    def dead(self) -> list[str]:
        """Return the names of children that ended."""
        return [name for name, child in self._children.items() if _has_ended(child)]

    def stop(self) -> None:
        """Ask all to end, and make them, and whatever they leave behind, after ten seconds.

        Only the child itself is asked: it ends its own children in good order, a worker after
        the chunk under way.
        """
        for child in self._children.values():
            if not _has_ended(child):
                os.kill(child.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and not all(map(_has_ended, self._children.values())):
            time.sleep(0.05)
        for child in self._children.values():
            _kill_session(child)
            child.wait()
        self._children.clear()

    def log(self, name: str) -> Path:
        return var_folder() / "log" / f"{name}.log"


# Each takes memory of its own, about 200 MB.
MOST_WEB_PROCESSES = 4


def web(port: int, *, processes: int | None = None) -> list[str]:
    """A process for each core, as Python works on one at a time; few threads in each
    (`ATTUNE_WEB_THREADS`), for each keeps a database connection (docs/benchmarks.md)."""
    count = processes or min(os.cpu_count() or 1, MOST_WEB_PROCESSES)
    options = ["--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)]
    return [
        _tool("granian"),
        *options,
        *("--workers", str(count)),
        # One that is still starting does not hear that it should end.
        *("--workers-kill-timeout", str(STOP_SECONDS - 2)),
        *("--respawn-failed-workers", "--no-access-log", "--log-level", "warning"),
        "config.rsgi:app",
    ]


def workers() -> int:
    """Return how many worker processes fit this machine: one waits for the disk or the network
    while the others keep every core busy."""
    return (os.cpu_count() or 1) + 1


def worker(count: int) -> list[str]:
    options = ["worker", "--concurrency", str(count), "--loglevel", "warning"]
    return [_tool("celery"), "-A", "config.celery", *options]


def beat() -> list[str]:
    schedule = var_folder() / "run" / "beat-schedule"
    # The embedded servers make the folder, servers of one's own do not.
    schedule.parent.mkdir(parents=True, exist_ok=True)
    options = ["beat", "-s", str(schedule), "--loglevel", "warning"]
    return [_tool("celery"), "-A", "config.celery", *options]


def catcher(port: int) -> list[str]:
    return [sys.executable, "manage.py", "catcher", "--port", str(port)]


def mail_port() -> int:
    """Return the port of the local catcher, as EMAIL_URL has it where it is set."""
    given = urlsplit(os.environ.get("EMAIL_URL", ""))
    return given.port or int(os.environ.get("ATTUNE_MAIL_PORT", "2525"))


def is_caught() -> bool:
    """Say whether mail goes to the local catcher."""
    return urlsplit(os.environ.get("EMAIL_URL", "catcher://")).scheme == "catcher"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def refuse_busy(port: int, *, setting: str = "PORT=") -> None:
    """Say which setting, up to the number, names another port."""
    if not is_free(port):
        raise NotStarted(f"Port {port} is in use. Choose another, as in: {setting}{port + 1}")


def refuse_busy_catcher() -> None:
    is_given = "EMAIL_URL" in os.environ
    refuse_busy(
        mail_port(),
        setting="EMAIL_URL=catcher://127.0.0.1:" if is_given else "ATTUNE_MAIL_PORT=",
    )


def answers(url: str) -> bool:
    """Say whether a server of ours answers at all, well or not."""
    where = urlsplit(url)
    client = http.client.HTTPConnection(where.hostname or "", where.port, timeout=2)
    try:
        client.request("GET", where.path)
        client.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
    return True


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _has_ended(child: "subprocess.Popen[bytes]") -> bool:
    """Look without reaping: as long as a child is not reaped, its number is nobody else's."""
    if sys.platform != "linux" or child.returncode is not None:
        return child.poll() is not None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_session(child: "subprocess.Popen[bytes]") -> None:
    """Kill a child and what it left behind: it leads a session of its own."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
