"""The benchmark of sending counts right: a tiny run, with all that it starts."""

import asyncio
import inspect
import json
import os
import shutil
import smtplib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from benchmarks import ground, load, receiver, sending
from benchmarks.receiver import Taken
from campaigns.models import Campaign
from config.embedded.layout import PROJECT
from tests.servers import QuietServer

pytestmark = pytest.mark.long
PEOPLE = 40
DATABASE = f"attune_bench_test_{os.getpid()}"


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "benchmarks", "sending", "--people", str(PEOPLE)]
    run = subprocess.run(
        [*command, "--out", str(out), "--database", DATABASE],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads((out / "sending.json").read_text())
    return {**found, "printed": run.stdout}


def test_every_round_mails_each_person_outside_the_holdout(tiny_run: dict[str, Any]) -> None:
    mails = [each["mails"] for each in tiny_run["ours"]]

    assert len(mails) == 3
    assert all(PEOPLE // 2 < count <= PEOPLE for count in mails)


def test_a_second_run_sends_nothing(tiny_run: dict[str, Any]) -> None:
    assert tiny_run["second_run_sent"] == 0


def test_the_mails_are_as_big_as_the_page_says(tiny_run: dict[str, Any]) -> None:
    assert tiny_run["sizes"]["html"] >= 12_000
    assert tiny_run["sizes"]["text"] > 200


def test_speeds_stand_beside_those_of_django(tiny_run: dict[str, Any]) -> None:
    assert len(tiny_run["django"]["finished"]) == len(tiny_run["django"]["built"]) == 3
    base = sorted(tiny_run["django"]["built"])[1]
    assert tiny_run["ratio_to_django"] == pytest.approx(tiny_run["per_second"] / base, abs=0.01)
    first = tiny_run["ours"][0]["mails"]
    row = f"| mails a round: planned = sent = with receipt = at the sink | {first} |"
    assert row in tiny_run["printed"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_peak_memory_of_every_worker_is_known(tiny_run: dict[str, Any]) -> None:
    peaks = tiny_run["worker_peak_bytes"]

    assert len(peaks) == sending.WORKERS
    assert min(peaks) > 20_000_000


def test_the_database_of_the_run_is_gone(tiny_run: dict[str, Any], db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [DATABASE])

        assert cursor.fetchone() == (0,)


def test_a_name_that_is_not_the_benchmarks_own_is_refused() -> None:
    with pytest.raises(ground.NoGround, match="attune_bench"), ground.laid("shop", mail_port=1):
        pass


@pytest.mark.django_db
def test_counts_that_differ_stop_the_benchmark() -> None:
    campaign = Campaign.objects.create(slug="bench", name="Bench", purpose_id="email_marketing")
    taken = Taken(mails=3, bytes=900, keys=3)

    with pytest.raises(sending.CountsDiffer, match="'sent': 0"):
        sending.agreed(campaign, planned=3, taken=taken)


def test_the_sink_tells_a_mail_that_came_twice(tmp_path: Path) -> None:
    port = receiver.free_port()
    mail = EmailMessage()
    mail["X-Attune-Message-Key"] = "key-1"
    mail.set_content("One line\n.and one with a dot\n")

    with receiver.sink(port, keep=tmp_path, keep_count=1) as sink:
        for _ in range(2):
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.send_message(mail, "shop@example.com", "one@example.com")
        taken = sink.taken()

    assert (taken.mails, taken.keys) == (2, 1)
    [kept] = tmp_path.iterdir()
    assert b"\r\n.and one with a dot\r\n" in kept.read_bytes()


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(load.by_asyncio, id="asyncio"),
        pytest.param(
            load.by_wrk,
            id="wrk",
            marks=pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed"),
        ),
    ],
)
def test_a_load_counts_answers_and_those_that_are_errors(ask: Callable[..., object]) -> None:
    with small_server() as (port, seen):
        found = ask(["/good", "/bad"], port=port, seconds=1.0, connections=2)
        answered = asyncio.run(found) if inspect.iscoroutine(found) else found

    assert isinstance(answered, load.Answered)
    assert 0 < answered.requests <= len(seen)
    assert answered.errors == pytest.approx(answered.requests / 2, abs=4)
    assert 0 < answered.p50_ms <= answered.p99_ms


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.seen.append(self.path)
        self.send_response(200 if self.path == "/good" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(QuietServer):
    seen: list[str]


@contextmanager
def small_server() -> Iterator[tuple[int, list[str]]]:
    with _Server(("127.0.0.1", 0), _Answering) as server:
        server.seen = []
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_address[1], server.seen
        finally:
            server.shutdown()
            serving.join()
