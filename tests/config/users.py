"""A process that uses the embedded servers, as web, worker and shell do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environ
import psycopg
import redis

from config.embedded import state
from config.embedded.layout import PROJECT, Layout

ADDRESSES = ("DATABASE_URL", "REDIS_URL", "ATTUNE_EMBEDDED", "ATTUNE_EMBEDDED_URLS")
PROGRAM = """
import os, sys
from config import boot
boot.prepare()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
"""


def environment(var: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a fresh start, whatever servers this test run itself uses."""
    clean = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    return clean | {"ATTUNE_VAR": str(var)} | extra


class User:
    def __init__(self, var: Path, *, program: str = PROGRAM, **extra: str) -> None:
        self.layout = Layout(var.resolve())
        self.complaints: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env=environment(var, **extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def is_served(self) -> "User":
        """Wait for the addresses; the first line of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise AssertionError(self.errors())
        self.database_url, self.redis_url = line
        return self

    def query(self, sql: str) -> Any:
        """Run one statement the way Django connects: over the address read by django-environ."""
        address = environ.Env.db_url_config(self.database_url)
        with psycopg.connect(
            host=address["HOST"],
            port=address["PORT"],
            user=address["USER"],
            dbname=address["NAME"],
            autocommit=True,
        ) as connection:
            cursor = connection.execute(sql.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def ping(self) -> bool:
        with redis.Redis.from_url(self.redis_url) as client:
            return bool(client.ping())

    def state(self) -> state.State:
        found = state.read(self.layout)
        assert found is not None
        return found

    def postmaster(self) -> int:
        return int((Path(self.state().data) / "postmaster.pid").read_text().split()[0])

    def valkey(self) -> int:
        with redis.Redis.from_url(self.redis_url) as client:
            return int(client.info("server")["process_id"])

    def kill(self) -> str:
        """End like a crash, without handler or clean-up; return what it had complained of."""
        self.process.send_signal(signal.SIGKILL)
        return self.errors()

    def errors(self) -> str:
        """Wait for the end and return what was written to standard error."""
        if self.complaints is None:
            self.complaints = self.process.communicate(timeout=180)[1]
        return self.complaints


def is_alive(number: int) -> bool:
    """Say whether the process runs; one that only waits to be reaped does not."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def seconds_until(condition: Callable[[], bool], *, limit: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit, f"not within {limit} s"
        time.sleep(0.05)
    return time.monotonic() - began
