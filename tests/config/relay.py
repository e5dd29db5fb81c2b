"""A server's address that can be taken away: passes bytes on to the real one until stopped."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread
from urllib.parse import unquote, urlsplit

Target = tuple[str, int] | str


def target_of(url: str) -> Target:
    """Return host and port of a URL, or the path of its Unix socket."""
    parts = urlsplit(url)
    return (
        unquote(parts.path) if parts.scheme == "unix" else (parts.hostname or "", parts.port or 0)
    )


class Relay:
    """Listens on a free port of this machine."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._listen, daemon=True).start()

    def stop(self) -> None:
        """Refuse new connections and cut those that are open."""
        for each in [self._listener, *self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = _connect(self._target)
                self._open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _connect(target: Target) -> socket.socket:
    if isinstance(target, str):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(target)
        return connection
    return socket.create_connection(target)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(target: Target) -> Iterator[Relay]:
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.stop()


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
    return port
