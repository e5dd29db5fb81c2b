"""The processes of an installation end as one: after Ctrl-C, SIGTERM, and `kill -9`."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.delivery import mailbox
from config import processes, serve
from config.embedded.layout import PROJECT
from config.processes import NotStarted, Processes
from tests.campaigns.kill_storm import url_of_test_database

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc"),
]
# Ends neither itself nor its own child when it is asked to.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
print("up", flush=True)
time.sleep(600)
"""
LEAVES_A_CHILD = """
import os, time
if os.fork() == 0:
    time.sleep(600)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def of(var: Path) -> list[str]:
    """The command lines of all that runs on this state folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            surroundings = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
            command = (entry / "cmdline").read_bytes() if surroundings else b""
        except OSError:
            continue
        if f"ATTUNE_VAR={var}".encode() in surroundings.split(b"\0") and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def wait_until_gone(var: Path, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := of(var)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    monkeypatch.setenv("ATTUNE_VAR", str(tmp_path))
    started = Processes()
    yield started
    started.stop()


def start(group: Processes, program: str) -> None:
    group.start("one", [sys.executable, "-c", program])


def test_stop_ends_also_who_does_not_want_to_and_what_it_started(
    group: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    start(group, STUBBORN)
    group.wait_for("one", lambda: group.log("one").read_text().count("up") == 2)

    group.stop()

    # Killed, but the kernel may still be at it.
    wait_until_gone(tmp_path, seconds=60)


def test_what_a_dead_child_left_behind_is_ended_too(group: Processes, tmp_path: Path) -> None:
    start(group, LEAVES_A_CHILD)
    while not group.dead():
        time.sleep(0.02)
    assert len(of(tmp_path)) == 1

    group.stop()

    wait_until_gone(tmp_path, seconds=60)


def test_child_that_ends_at_once_is_an_error_that_shows_its_last_words(group: Processes) -> None:
    start(group, "raise SystemExit('no such file')")

    with pytest.raises(NotStarted, match="no such file"):
        group.wait_for("one", lambda: False)


def test_a_web_that_is_told_to_end_while_it_starts_ends(group: Processes, tmp_path: Path) -> None:
    group.start("web", processes.web(free_port(), processes=3))
    while len(of(tmp_path)) < 3:
        time.sleep(0.01)
    (web,) = [entry for entry in Path("/proc").glob("[0-9]*") if _is_child(entry)]

    os.kill(int(web.name), signal.SIGTERM)

    wait_until_gone(tmp_path, seconds=120)


def _is_child(entry: Path) -> bool:
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid()) and (
            b"granian" in (entry / "cmdline").read_bytes()
        )
    except OSError:
        return False


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """`make serve` beside this test: web, worker, beat and catcher on the test database."""
    var = tmp_path / "var"
    surroundings = os.environ | {
        "ATTUNE_VAR": str(var),
        "ATTUNE_DEMO": "1",
        "DATABASE_URL": url_of_test_database(),
        "REDIS_URL": os.environ["REDIS_URL"],
        "PORT": str(free_port()),
        "ATTUNE_MAIL_PORT": str(free_port()),
    }
    var.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "config.serve"],
        cwd=PROJECT,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert any("Attune is at" in line for line in process.stdout)
            yield process, var
        finally:
            process.kill()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(
    ("how", "code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_nothing_of_an_installation_outlives_it(
    serving: tuple["subprocess.Popen[str]", Path], how: signal.Signals, code: int
) -> None:
    process, var = serving
    assert len(of(var)) >= 6

    process.send_signal(how)

    assert process.wait(timeout=120) == code
    wait_until_gone(var, seconds=60)
    assert mailbox.entries(var / "mailbox") == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("", "ATTUNE_MAIL_PORT={}"), ("catcher://127.0.0.1:{}", "EMAIL_URL=catcher://127.0.0.1:{}")],
)
def test_a_catcher_without_a_port_says_which_setting_to_change(
    given: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("ATTUNE_MAIL_PORT", str(port))
        if given:
            monkeypatch.setenv("EMAIL_URL", given.format(port))

        with pytest.raises(NotStarted, match=wanted.format(port + 1)):
            processes.refuse_busy_catcher()


def test_who_ends_while_it_serves_is_quoted(
    group: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    start(group, "import sys; sys.exit('no disk left')")

    assert serve.watch(group, port=1) == 1
    assert "one ended. The end of" in (said := capsys.readouterr().err)
    assert "no disk left" in said
