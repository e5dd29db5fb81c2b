"""The process that owns both servers, and ends them when nobody uses them any more."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from config.embedded import binaries, locks, state
from config.embedded.account import Account, database_account
from config.embedded.errors import EmbeddedError, tail
from config.embedded.layout import Layout, Places, choose_places, make_places
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

POLL_SECONDS = 0.5
GRACE_SECONDS = 3.0  # for a first user that was not there before the servers
START_SECONDS = 150.0  # recovery of a large write-ahead log takes its time
STOP_SECONDS = (30.0, 10.0, 5.0)  # asked nicely, asked firmly, killed
RESTARTS, RESTART_WINDOW = 3, 60.0
LOG_BYTES = 5_000_000

logger = logging.getLogger("attune.embedded")


class Server(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def stop_signals(self) -> tuple[signal.Signals, ...]: ...
    @property
    def log(self) -> Path: ...
    def prepare(self) -> None: ...
    def start(self) -> subprocess.Popen[bytes]: ...
    def is_ready(self) -> bool: ...


@dataclass(slots=True)
class Supervised:
    """One server with its present process and the times it had to be started again."""

    server: Server
    process: subprocess.Popen[bytes]
    restarts: list[float] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


def supervise(layout: Layout) -> None:
    """Run both servers until nobody holds the users' lock; return at once if another one does."""
    layout.make_folders()
    mine = locks.open_lock(layout.supervisor_lock)
    # A starter that looks whether this lock is held holds it itself for an instant.
    if not locks.acquire(mine, exclusive=True, patience=1.0):
        return
    state.clear(layout)
    layout.stop_request.unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, _leave)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    _own_both(layout)


def _own_both(layout: Layout) -> None:
    began = time.monotonic()
    places, programs, notice, servers = _plan(layout)
    running: list[Supervised] = []
    try:
        for server in servers:
            server.prepare()
            running.append(Supervised(server, server.start()))
        for supervised in running:
            _wait_until_ready(supervised)
        logger.info("both servers are ready after %.2f s", time.monotonic() - began)
        state.write(
            state.State(
                supervisor=os.getpid(),
                data=str(places.data),
                sockets=str(places.sockets),
                programs=str(programs),
                notice=notice,
            ),
            layout=layout,
        )
        _watch(layout, running=running)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        state.clear(layout)
        _stop(running)
        _remove_sockets(layout, places=places)


def _plan(layout: Layout) -> tuple[Places, Path, str, tuple[Server, Server]]:
    """Decide account and places, create the folders, and say if any lies elsewhere."""
    account = database_account()
    existed = layout.private.exists()
    places = choose_places(layout, account=account)
    make_places(layout, places=places, account=account)
    programs = binaries.postgres_programs(layout, account=account)
    is_elsewhere = layout.private in (*places.data.parents, *programs.parents)
    notice = _notice(layout, account=account) if is_elsewhere and not existed else ""
    servers = (
        Postgres(
            places=places,
            programs=programs,
            version=binaries.postgres_version(),
            account=account,
            log=_fresh_log(layout.log / "postgres.log"),
        ),
        Valkey(
            places=places,
            folder=layout.valkey,
            program=binaries.valkey_program(),
            log=_fresh_log(layout.log / "valkey.log"),
        ),
    )
    return places, programs, notice, servers


def _notice(layout: Layout, *, account: Account | None) -> str:
    number = account.uid if account else os.geteuid()
    return (
        f"PostgreSQL runs as account number {number}, which cannot reach all of this project. "
        f"Its files are in {layout.private}; `make clean` removes them."
    )


def _watch(layout: Layout, *, running: list[Supervised]) -> None:
    """Return when asked to stop or when no user is left; then keep new users waiting."""
    users = locks.open_lock(layout.users_lock)
    grace_ends = time.monotonic() + GRACE_SECONDS
    while not layout.stop_request.exists():
        for supervised in running:
            if not supervised.is_running:
                _restart(supervised)
        # Held on until this process ends: a user who comes now waits, and then starts anew.
        if time.monotonic() > grace_ends and locks.acquire(users, exclusive=True):
            logger.info("no user is left")
            return
        time.sleep(POLL_SECONDS)
    logger.info("asked to stop")


def _wait_until_ready(supervised: Supervised) -> None:
    server = supervised.server
    give_up_at = time.monotonic() + START_SECONDS
    while not server.is_ready():
        if not supervised.is_running:
            raise EmbeddedError(f"{server.name} ended while starting. {tail(server.log)}")
        if time.monotonic() > give_up_at:
            raise EmbeddedError(
                f"{server.name} is not ready after {START_SECONDS:.0f} s. {tail(server.log)}"
            )
        time.sleep(0.02)


def _restart(supervised: Supervised) -> None:
    server, now = supervised.server, time.monotonic()
    recent = [moment for moment in supervised.restarts if moment > now - RESTART_WINDOW]
    if len(recent) >= RESTARTS:
        raise EmbeddedError(f"{server.name} ended {RESTARTS + 1} times. {tail(server.log)}")
    logger.warning("%s ended with code %s", server.name, supervised.process.returncode)
    server.prepare()
    supervised.process, supervised.restarts = server.start(), [*recent, now]
    _wait_until_ready(supervised)


def _stop(running: Iterable[Supervised]) -> None:
    began = time.monotonic()
    for step, seconds in enumerate(STOP_SECONDS):
        alive = [supervised for supervised in running if supervised.is_running]
        for supervised in alive:
            supervised.process.send_signal(supervised.server.stop_signals[step])
        give_up_at = time.monotonic() + seconds
        while any(one.is_running for one in alive) and time.monotonic() < give_up_at:
            time.sleep(0.02)
    logger.info("both servers have ended after %.2f s", time.monotonic() - began)


def _remove_sockets(layout: Layout, *, places: Places) -> None:
    places.valkey_socket.unlink(missing_ok=True)
    if places.sockets != layout.run:
        shutil.rmtree(places.sockets, ignore_errors=True)
        if not any(layout.private.iterdir()):
            layout.private.rmdir()


def _leave(number: int, frame: FrameType | None) -> None:
    """End through the `finally` that stops the servers."""
    logger.info("signal %s", number)
    sys.exit(0)


def _fresh_log(log: Path) -> Path:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return log
