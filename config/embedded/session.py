"""A process that uses the embedded servers: it holds the users' lock as long as it lives."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from config.embedded import locks, state
from config.embedded.errors import EmbeddedError, tail
from config.embedded.layout import PROJECT, Layout
from config.embedded.postgres import can_connect, database_url
from config.embedded.valkey import answers, redis_url

READY_SECONDS = 180.0

# Locks of this process; forked children share them, and the kernel drops them at its end.
_held: dict[Path, int] = {}
# Kept so that Python reaps a supervisor that ends before this process does.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Urls:
    database: str
    redis: str


def use(var: Path) -> Urls:
    """Take a share in the servers for the rest of this process' life, starting them if needed."""
    layout = Layout(var)
    layout.make_folders()
    give_up_at = time.monotonic() + READY_SECONDS
    # First the share, then the look: with a share taken, no supervisor decides to stop.
    _take_share(layout)
    places = _wait_until_ready(layout, give_up_at=give_up_at).places
    return Urls(database=database_url(places), redis=redis_url(places))


def ready_state(layout: Layout) -> state.State | None:
    """Return the state if a supervisor lives and both of its servers answer."""
    found = state.read(layout)
    if found is None or not locks.is_held(layout.supervisor_lock):
        return None
    if not (can_connect(found.places) and answers(found.places)):
        return None
    # A new supervisor clears the state of a killed one: only what is still there counts.
    return found if state.read(layout) == found else None


def _take_share(layout: Layout) -> None:
    if layout.var in _held:
        return
    descriptor = locks.open_lock(layout.users_lock)
    if not locks.acquire(descriptor, exclusive=False, patience=READY_SECONDS):
        os.close(descriptor)
        raise EmbeddedError(
            f"The supervisor of the embedded servers has been stopping for {READY_SECONDS:.0f} s. "
            f"{tail(layout.supervisor_log)}"
        )
    _held[layout.var] = descriptor


def _wait_until_ready(layout: Layout, *, give_up_at: float) -> state.State:
    supervisor: subprocess.Popen[bytes] | None = None
    log_begin = 0
    while time.monotonic() < give_up_at:
        found = ready_state(layout)
        if found is not None:
            if supervisor is not None and found.notice:
                sys.stderr.write(f"{found.notice}\n")
            return found
        if supervisor is not None and supervisor.poll():
            ending = tail(layout.supervisor_log, since=log_begin)
            raise EmbeddedError(f"The embedded servers did not start. {ending}")
        has_ended = supervisor is None or supervisor.returncode is not None
        if has_ended and not locks.is_held(layout.supervisor_lock):
            log_begin = _size(layout.supervisor_log)
            supervisor = _start_supervisor(layout)
        time.sleep(0.02)
    raise EmbeddedError(
        f"The embedded servers were not ready after {READY_SECONDS:.0f} s. "
        f"{tail(layout.supervisor_log, since=log_begin)}"
    )


def _start_supervisor(layout: Layout) -> subprocess.Popen[bytes]:
    with layout.supervisor_log.open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "config.embedded", "supervise"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env=os.environ | {"ATTUNE_VAR": str(layout.var)},
            start_new_session=True,
        )
    _started.append(supervisor)
    return supervisor


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
