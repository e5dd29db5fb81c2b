"""Start a server as a child that cannot outlive this process, and find ones that did."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from config.embedded.account import Account
from config.embedded.errors import EmbeddedError

PR_SET_PDEATHSIG = 1
# Nothing of the caller's environment: PGPORT, PGDATA and the like would change the server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
LIBC = ctypes.CDLL(None, use_errno=True)


def launch(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: signal.Signals,
    account: Account | None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` as `account`; the kernel sends it `death_signal` when we die."""
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=ENVIRONMENT,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=partial(bind_to, os.getpid(), death_signal=death_signal),
            )
    except (OSError, subprocess.SubprocessError) as error:
        whom = f" as account number {account.uid}" if account else ""
        raise EmbeddedError(
            f"Cannot start {command[0]}{whom}: {error}. Run as an ordinary user, or set "
            "DATABASE_URL and REDIS_URL."
        ) from error


def bind_to(parent: int, *, death_signal: signal.Signals) -> None:
    """Runs in the child after it changed account, which would have cleared the death signal."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died before the signal was armed
            os._exit(1)


def running_in(folder: Path, *, program: str) -> list[int]:
    """List the processes of `program` that work in `folder`, whoever started them."""
    if sys.platform != "linux":
        return _running_by_command_line(folder, program=program)
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _works_in(entry, folder=folder, program=program)
    ]


def exists(number: int) -> bool:
    """Say whether a process has this number; signal 0 only asks."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_free(folder: Path, *, program: str, seconds: float) -> None:
    """Wait for servers of a dead supervisor to end; never signal them, they may not be ours."""
    give_up_at = time.monotonic() + seconds
    while running := running_in(folder, program=program):
        if time.monotonic() >= give_up_at:
            raise EmbeddedError(
                f"Process {running[0]} ({program}) still works in {folder}, and this supervisor "
                f"did not start it. End it (kill -INT {running[0]}) and start again."
            )
        time.sleep(0.1)


def _works_in(entry: Path, *, folder: Path, program: str) -> bool:
    try:
        working_folder = (entry / "cwd").readlink()
        executable = (entry / "exe").readlink()
    except OSError:  # ended meanwhile, or of another account and so not ours
        return False
    return working_folder == folder and executable.name.removesuffix(" (deleted)") == program


def _running_by_command_line(folder: Path, *, program: str) -> list[int]:
    listing = subprocess.run(
        ["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True
    )
    lines = (line.split(maxsplit=1) for line in listing.stdout.splitlines())
    return [int(pid) for pid, command in lines if program in command and str(folder) in command]
