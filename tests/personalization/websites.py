"""A shop's website with our snippet, and a collector that writes down what it is sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any, ClassVar

from personalization.models import Source
from personalization.sources import browser, snippets
from tests.servers import QuietServer

KEY = "wk_test"
PAGE = """<!doctype html><title>Boots</title>%s
<body style="margin:0"><div style="height:4000px">Boots</div></body>"""


@dataclass(slots=True)
class Website:
    """Every path shows a page with the snippet of the admin and `calls`.

    What is posted to it is kept in `requests`. The script comes from `collector`, if not from here.
    """

    port: int = 0
    collector: str = ""
    key: str = KEY
    calls: str = "attune.page();"
    answers: list[int] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def page(self) -> bytes:
        source = Source(slug="web", kind=Source.Kind.COLLECTOR, write_key=self.key)
        pasted = snippets.of(source, public_url=self.collector or self.url)[0].code
        start, _, _ = pasted.partition("attune.page();")
        return (PAGE % f"{start}{self.calls}</script>").encode()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.requests for event in request["batch"]]

    def names(self) -> list[str]:
        return [str(event.get("event") or event["type"]) for event in self.events]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    website: ClassVar[Website]

    def do_GET(self) -> None:
        if self.path.startswith("/attune.js"):
            self._answer(browser.script().body, kind="text/javascript; charset=utf-8")
        else:
            self._answer(self.website.page, kind="text/html; charset=utf-8")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.website.answers.pop(0) if self.website.answers else 200
        if status == 200:
            self.website.requests.append({"path": self.path, **json.loads(body)})
            self.website.headers.append(dict(self.headers))
        self._answer(b"{}", kind="application/json", status=status)

    def do_OPTIONS(self) -> None:
        self.website.requests.append({"path": self.path, "preflight": True, "batch": []})
        self._answer(b"", kind="text/plain", status=405)

    def _answer(self, body: bytes, *, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the test tells what went wrong."""


@contextmanager
def serve() -> Iterator[Website]:
    website = Website()
    handler = type("WebsiteHandler", (Handler,), {"website": website})
    server = QuietServer(("127.0.0.1", 0), handler)
    website.port = server.server_address[1]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield website
    finally:
        server.shutdown()
        server.server_close()
