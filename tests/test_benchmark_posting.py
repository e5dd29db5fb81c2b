"""What posts as fast as it may waits when it is told to, and sends the same again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from benchmarks import posting
from tests.servers import QuietServer


class Busy(BaseHTTPRequestHandler):
    """Every third request is told to come again at once, every fourth fails."""

    protocol_version = "HTTP/1.1"
    came: list[bytes]

    def do_POST(self) -> None:
        self.came.append(self.rfile.read(int(self.headers["Content-Length"])))
        number = len(self.came)
        self.send_response(429 if number % 3 == 0 else 500 if number % 4 == 0 else 200)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def came() -> list[bytes]:
    """The bodies, in the order they came in."""
    return []


@pytest.fixture
def port(came: list[bytes]) -> Iterator[int]:
    server = QuietServer((posting.HOST, 0), type("Handler", (Busy,), {"came": came}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_who_is_told_to_wait_sends_the_same_again(port: int, came: list[bytes]) -> None:
    posted = posting.post("/", body=b"%d".__mod__, port=port, seconds=0.3, connections=1)

    numbers = [*range(1, len(came) + 1)]
    waited = [number for number in numbers if number % 3 == 0]
    failed = [number for number in numbers if number % 4 == 0 and number % 3]
    assert len(came) > 12
    assert posted.told_to_wait == len(waited)
    assert (posted.requests, posted.errors) == (len(came) - len(waited), len(failed))
    assert all(came[number - 1] == came[number] for number in waited if number < len(came))
    assert len(set(came)) == posted.requests + (numbers[-1] in waited)
