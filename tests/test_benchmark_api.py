"""The benchmark of the API counts what it should: every request, and fallbacks as failures."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from benchmarks import pacing
from tests.servers import QuietServer


class Answering(BaseHTTPRequestHandler):
    """Every third answer is a fallback, every fourth an error; the hundredth never comes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        number = int(self.path.removeprefix("/"))
        if number == 100:
            self.close_connection = True
            return
        self.send_response(500 if number % 4 == 3 else 200)
        if number % 3 == 2:
            self.send_header("X-Personalization", "fallback")
        self.send_header("Content-Length", "200000")
        self.end_headers()
        self.wfile.write(b"\r\n\r\n" * 50_000)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = QuietServer((pacing.HOST, 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_fallbacks_and_errors_are_failures(port: int) -> None:
    asked = pacing.ask(
        lambda number: f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        port=port,
        seconds=0.12,
        rate=200.0,
    )

    failed = [number for number in range(24) if number % 4 == 3 or number % 3 == 2]
    assert (asked.requests, asked.errors) == (24, len(failed))
    assert 0 < asked.p50_ms <= asked.p99_ms


def test_an_answer_that_never_comes_ends_the_run(port: int) -> None:
    with pytest.raises(OSError, match="closed before the answer"):
        pacing.ask(
            lambda number: f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
            port=port,
            seconds=0.3,
            rate=500.0,
            connections=2,
        )
