"""The embedded Valkey: broker and cache, with its log of writes on disk."""

import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config.embedded import child
from config.embedded.layout import Places

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # A full broker must refuse new work, not forget old work.
    "maxmemory-policy": "noeviction",
}


@dataclass(frozen=True, slots=True)
class Valkey:
    places: Places
    folder: Path
    program: Path
    log: Path

    name = "Valkey"
    death_signal = signal.SIGTERM
    stop_signals = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)

    def prepare(self) -> None:
        child.wait_until_free(self.folder, program="valkey-server", seconds=30)
        self.places.valkey_socket.unlink(missing_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {
            "dir": str(self.folder),
            "unixsocket": str(self.places.valkey_socket),
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return child.launch(
            [self.program, *options], log=self.log, death_signal=self.death_signal, account=None
        )

    def is_ready(self) -> bool:
        return answers(self.places)


def redis_url(places: Places) -> str:
    return f"unix://{quote(str(places.valkey_socket))}?db=0"


def answers(places: Places) -> bool:
    """Ask for a PING; a server that still loads its data answers with an error."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(places.valkey_socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
