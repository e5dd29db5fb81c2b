"""Record what a client sends: `python -m tests.personalization.sdk.recorder NAME COMMAND …`.

The command gets the address of a server that answers everything with 200, and a write key; what
it sent is written to recorded/NAME.json.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

from tests.servers import QuietServer

FOLDER = Path(__file__).parent / "recorded"
KEY = "recorded-write-key"
# Of the machine that recorded, not of the client.
_LEFT_OUT = {"host", "connection", "accept", "accept-encoding"}


class _Handler(BaseHTTPRequestHandler):
    server: "Recorder"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._chunks() if "chunked" in self.headers.get("Transfer-Encoding", "") else b""
        if length := int(self.headers.get("Content-Length") or 0):
            body = self.rfile.read(length)
        self.server.seen.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": {k: v for k, v in self.headers.items() if k.lower() not in _LEFT_OUT},
                "body": base64.b64encode(body).decode(),
            }
        )
        self._answer(json.dumps(self._settings()).encode())

    def do_GET(self) -> None:
        self.do_POST()

    def do_OPTIONS(self) -> None:
        self._answer(b"{}")

    def _settings(self) -> dict[str, object]:
        """What browser libraries ask for before they begin, and that all is well."""
        off = {"enabled": False}
        host = self.server.url.removeprefix("http://")
        sender = {"apiKey": KEY, "apiHost": f"{host}/v1", "protocol": "http"}
        source = {
            "id": "s",
            "name": "s",
            "writeKey": KEY,
            "enabled": True,
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        }
        return {
            "success": True,
            "integrations": {"Segment.io": sender},
            "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
            "metrics": {"sampleRate": 0},
            "source": source,
            "updatedAt": "2026-01-01T00:00:00Z",
        }

    def _answer(self, body: bytes) -> None:
        wanted = self.headers.get("Access-Control-Request-Headers", "")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin") or "*")
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Access-Control-Allow-Headers", wanted)
        self.end_headers()
        self.wfile.write(body)

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Recorder(QuietServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def recording() -> Iterator[Recorder]:
    server = Recorder()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def main() -> int:
    name, *command = sys.argv[1:]
    with recording() as server:
        code = subprocess.run([*command, server.url, KEY], check=False).returncode
    text = json.dumps(server.seen, indent=1).replace(server.url, "http://collector.example")
    (FOLDER / f"{name}.json").write_text(f"{text}\n")
    sys.stdout.write(f"{name}: {len(server.seen)} requests\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
