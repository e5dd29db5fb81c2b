"""A request takes a thread when it is here whole: slow clients hold up nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import requests

from config import rsgi
from personalization.models import InboxEvent
from tests.personalization.collector_support import KEY, source, track
from tests.personalization.ground import committing, real_commits
from tests.personalization.sdk import server

__all__ = ["real_commits"]
# More than there are threads.
SLOW = 25


class Client:
    """Stands in for granian: sends a body in parts, keeps what it is answered."""

    def __init__(self, *parts: bytes, stalls: bool = False) -> None:
        self.parts = parts
        self.stalls = stalls
        self.answer: tuple[int, list[tuple[str, str]], bytes] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part
        if self.stalls:
            await asyncio.Event().wait()

    def response_str(self, status: int, headers: list[tuple[str, str]], body: str) -> None:
        self.answer = status, headers, body.encode()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = status, headers, body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.answer = status, headers, b""

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "Client":
        self.answer = status, headers, b""
        return self

    async def send_bytes(self, piece: bytes) -> None:
        assert self.answer is not None
        status, headers, body = self.answer
        self.answer = status, headers, body + piece


class Given:
    def __init__(self, *parts: bytes) -> None:
        self.parts = parts
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        self.is_closed = True


def request(*headers: tuple[str, str], method: str = "POST", path: str = "/v1/batch") -> Any:
    return SimpleNamespace(
        proto="http", http_version="1.1", server="[::1]:8000", client="203.0.113.7:5123",
        scheme="http", method=method, path=path, query_string="a=%20b",
        headers=SimpleNamespace(items=lambda: list(headers), get=dict(headers).get),
    )  # fmt: skip


def ask(client: Client, scope: Any, *, given: Given | None = None) -> dict[str, Any]:
    """Let a client ask, and return what the application was told; empty if it was not asked."""
    told: dict[str, Any] = {}

    def application(environ: Mapping[str, Any], start: Any) -> Given:
        told.update(environ, body=environ["wsgi.input"].read())
        start("200 OK", [("content-length", "3")])
        return given or Given(b"yes")

    web = rsgi.Web(application, threads=1)
    asyncio.run(web.__rsgi__(scope, client))
    return told


def test_a_body_in_parts_reaches_the_application_whole() -> None:
    client = Client(b'{"a":', b"1}")

    told = ask(client, request(("content-length", "7"), ("content-type", "text/plain")))

    assert told["body"] == b'{"a":1}'
    assert (told["CONTENT_LENGTH"], told["CONTENT_TYPE"]) == ("7", "text/plain")
    assert client.answer == (200, [("content-length", "3")], b"yes")


def test_a_body_without_a_length_gets_one() -> None:
    told = ask(Client(b"abc"), request(("transfer-encoding", "chunked")))

    assert (told["CONTENT_LENGTH"], told["body"]) == ("3", b"abc")


def test_a_request_that_ends_with_its_head_is_not_waited_for() -> None:
    client = Client(stalls=True)

    told = ask(client, request(method="GET"))

    assert (told["body"], told["QUERY_STRING"]) == (b"", "a=%20b")
    assert client.answer == (200, [("content-length", "3")], b"yes")


def test_an_application_that_fails_is_heard_of() -> None:
    def application(environ: Mapping[str, Any], start: Any) -> Given:
        raise RuntimeError(environ["PATH_INFO"])

    web = rsgi.Web(application, threads=1)

    with pytest.raises(RuntimeError, match="/v1/batch"):
        asyncio.run(web.__rsgi__(request(method="GET"), Client()))


def test_who_stalls_is_answered_without_asking_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rsgi, "PATIENCE_SECONDS", 0.01)
    client = Client(b"{", stalls=True)

    assert ask(client, request(("content-length", "1000"))) == {}
    assert client.answer is not None
    assert client.answer[:2] == (408, [("connection", "close")])


def test_a_body_that_was_cut_off_is_not_taken_for_a_whole_one() -> None:
    client = Client(b"name=An")

    assert ask(client, request(("content-length", "12"))) == {}
    assert client.answer is not None
    assert client.answer[0] == 400


def test_of_a_body_longer_than_any_door_takes_only_the_beginning_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rsgi, "MOST_BYTES", 4)
    long = (b"abc", b"d", b"e", b"f")

    outside = ask(Client(*long), request(("content-length", "6")))
    inside = ask(Client(*long), request(("content-length", "6"), path="/admin/upload"))

    assert outside["body"] == b"abcd"
    assert inside["body"] == b"abcdef"


def test_headers_and_paths_are_told_as_wsgi_wants_them() -> None:
    headers = [("x-forwarded-for", "a"), ("x-forwarded-for", "b"), ("cookie", "a=1"),
               ("cookie", "b=2"), ("x_forwarded_proto", "https"), ("host", "shop")]  # fmt: skip

    told = ask(Client(), request(*headers, method="GET", path="/für"))

    assert told["HTTP_X_FORWARDED_FOR"] == "a,b"
    assert told["HTTP_COOKIE"] == "a=1; b=2"
    assert "HTTP_X_FORWARDED_PROTO" not in told
    assert told["PATH_INFO"].encode("latin-1").decode() == "/für"
    assert (told["SERVER_NAME"], told["SERVER_PORT"]) == ("::1", "8000")
    assert (told["REMOTE_ADDR"], told["QUERY_STRING"]) == ("203.0.113.7", "a=%20b")


def test_an_answer_to_head_is_its_headers_and_a_long_one_comes_in_pieces() -> None:
    long = Given(b"x" * 200_000, b"y")
    bare, streamed = Client(), Client()

    ask(bare, request(method="HEAD"))
    ask(streamed, request(method="GET"), given=long)

    assert bare.answer == (200, [("content-length", "3")], b"")
    assert streamed.answer is not None
    assert streamed.answer[2] == b"x" * 200_000 + b"y"
    assert long.is_closed


@committing
def test_many_who_dribble_hold_up_neither_the_collector_nor_a_check(
    real_commits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source()
    with server.serving(monkeypatch) as url, ExitStack() as held:
        for _ in range(SLOW):
            held.enter_context(_dribbling(url))

        alive = requests.get(f"{url}/healthz", timeout=60)
        taken = requests.post(f"{url}/v1/track?writeKey={KEY}", json=track("m-1"), timeout=60)
        chunked = requests.post(
            f"{url}/v1/track?writeKey={KEY}",
            data=iter([orjson.dumps(track("m-2"))]),
            timeout=60,
        )

    assert [each.status_code for each in (alive, taken, chunked)] == [200, 200, 200]
    assert InboxEvent.objects.count() == 2


def _dribbling(url: str) -> socket.socket:
    """Begin a request that every door before its body would let through."""
    address = urlsplit(url)
    client = socket.create_connection((address.hostname, address.port), timeout=60)
    client.sendall(
        f"POST /v1/batch?writeKey={KEY} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Length: 1000\r\n\r\n{".encode()
    )
    return client
