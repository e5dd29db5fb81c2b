"""The main job of `make demo`, on servers of its own: killed, run again, and run once more."""

import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from campaigns.delivery import mailbox
from config.embedded import control
from config.embedded.layout import PROJECT, Layout
from tests.config.users import environment

pytestmark = pytest.mark.long
CUSTOMERS = "80"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def run_demo(var: Path, *, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "config.demo", "--customers", CUSTOMERS, "--no-serve"]
    return subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=PROJECT,
        env=environment(var, ATTUNE_DEMO="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(demo: "subprocess.Popen[str]", text: str) -> str:
    """Return what was printed up to a line; fail with all of it if that line never comes."""
    assert demo.stdout is not None
    printed = ""
    for line in demo.stdout:
        printed += line
        if text in line:
            return printed
    pytest.fail(f"ended without {text!r}:\n{printed}")


def finished(demo: "subprocess.Popen[str]") -> str:
    printed, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, printed
    return printed


def figure(printed: str, name: str) -> int:
    line = next(line for line in printed.splitlines() if line.strip().startswith(name))
    return int(line.split()[-1].replace(",", ""))


def processes_of(var: Path) -> list[str]:
    """Return the command lines of all that runs on this state folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            surroundings = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
            if f"ATTUNE_VAR={var}".encode() in surroundings.split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (PermissionError, ProcessLookupError, FileNotFoundError):
            continue
    return found


def wait_until_gone(var: Path) -> None:
    end = time.monotonic() + 120
    while processes_of(var) and time.monotonic() < end:
        time.sleep(0.2)
    assert processes_of(var) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for leftovers in /proc")
def test_the_demo_survives_kill_9_and_sends_nobody_a_mail_twice(
    var: Path,
) -> None:
    port = free_port()
    killed = run_demo(var, port=port)
    read_until(killed, "Campaign")
    killed.kill()
    killed.communicate()
    wait_until_gone(var)

    first = finished(run_demo(var, port=port))
    second = finished(run_demo(var, port=port))

    assert figure(first, "sent") > 0
    assert figure(second, "sent in this run") == 0
    assert figure(second, "sent") == figure(first, "sent")
    keys = Counter(
        mailbox.message_key(path.read_bytes()) for path in (var / "mailbox").glob("*.eml")
    )
    assert len(keys) == figure(first, "sent")
    assert set(keys.values()) == {1}
    wait_until_gone(var)
    control.clean(Layout(var.resolve()))
