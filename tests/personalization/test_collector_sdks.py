"""Real SDKs against a real web process: no client error, one request a flush, no repeat."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.embedded.layout import var_folder
from personalization.models import InboxEvent
from tests.personalization.collector_support import KEY, brief, quarantined, source, track, waiting
from tests.personalization.sdk import recorder, server
from tests.personalization.test_collector_recorded import EXPECTED

CLIENTS = Path(recorder.__file__).parent / "clients"
NODE_FOLDER = var_folder() / "sdk-node"
PACKAGES = {
    "segment_python": "segment",
    "rudder_python": "rudderstack",
    "posthog_python": "posthog",
    "snowplow_python": "snowplow_tracker",
    "cloudevents_python": "cloudevents",
}
# CloudEvents have no batch here: two are sent, and each is a request.
REQUESTS = {"cloudevents_python": 2}


@pytest.fixture
def url(
    transactional_db: None, django_db_serialized_rollback: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    source()
    with server.serving(monkeypatch) as address:
        yield address


def run(command: list[str], *arguments: str, folder: Path | None = None) -> None:
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr


def requests_seen() -> int:
    """All events of a request have one time of receipt."""
    return InboxEvent.objects.values("received_at").distinct().count()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_python_client_works_unchanged(url: str, name: str) -> None:
    if find_spec(PACKAGES[name]) is None:
        pytest.skip("the SDKs are not installed: pip install -e '.[sdk]'")
    command = [sys.executable, str(CLIENTS / f"{name}.py")]

    run(command, url, KEY)
    once = waiting()
    assert sorted(kind for kind, _, _ in brief(once)) == sorted(
        kind for kind, _, _ in EXPECTED[name]
    )
    assert {event["event"] for event in once} == {event for _, event, _ in EXPECTED[name]}
    assert requests_seen() == REQUESTS.get(name, 1)
    assert quarantined() == []

    if name != "snowplow_python":  # It makes its ids itself, new ones each time.
        run(command, url, KEY)
        assert waiting() == once


@pytest.mark.node
def test_segments_node_client_works_unchanged(url: str) -> None:
    if not (NODE_FOLDER / "node_modules" / "@segment" / "analytics-node").exists():
        reason = f"npm install --prefix {NODE_FOLDER} @segment/analytics-node@3.1.0 is needed"
        if "node" in os.environ.get("ATTUNE_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(f"node: {reason}")
    command = [str(shutil.which("node")), str(CLIENTS / "segment_node.mjs")]

    run(command, url, KEY, folder=NODE_FOLDER)
    once = waiting()
    assert brief(once) == EXPECTED["segment_node"]
    assert requests_seen() == 1

    run(command, url, KEY, folder=NODE_FOLDER)
    assert waiting() == once


def test_a_body_in_chunks_and_one_far_too_long_are_answered(url: str) -> None:
    """No length is said of the one; of the other the answer is to be heard nevertheless."""
    raw = orjson.dumps(track())
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(raw), raw)
    head = f"POST /v1/track?writeKey={KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"

    short = ask(url, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked)
    long = ask(url, f"{head}Content-Length: 10000000\r\n\r\n".encode() + b" " * 10_000_000)

    assert short.startswith(b"HTTP/1.1 200")
    assert brief(waiting()) == [("track", "Product Viewed", "C-1")]
    assert long.startswith(b"HTTP/1.1 413")


def ask(url: str, raw: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(raw)
        found: list[bytes] = []
        while part := connection.recv(65_536):
            found.append(part)
    return b"".join(found)


def test_the_expected_clients_are_those_that_are_run() -> None:
    scripts = {path.stem for path in CLIENTS.glob("*_python.py")}
    known: dict[str, Any] = PACKAGES

    assert scripts == set(known)
