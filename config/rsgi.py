"""The web process: a request takes a thread when it is here whole, so slow clients hold none.

granian's WSGI gives a request its thread with the first byte; as many clients as there are
threads that send slowly, or not at all, would stop everything. Here the event loop reads.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from io import BytesIO
from tempfile import SpooledTemporaryFile
from threading import Barrier, BrokenBarrierError
from typing import IO, Any, Protocol

from django.conf import settings

from config.wsgi import application
from personalization.serving import rehearsal

# How long a body may take: so long, and longer for each byte that came; and between two parts.
PATIENCE_SECONDS = 30.0
SLOWEST_BYTES_A_SECOND = 4_000
# More than any door but the admin's takes, so that each says itself what is too much.
MOST_BYTES = 8_000_000
# Who is cut off in the middle of a body sees no answer, so somewhat more is read than is kept.
DRAINED_BYTES = 32_000_000
# Above this a body or an answer waits in a file.
IN_MEMORY_BYTES = 128_000
PIECE_BYTES = 65_536
# After so long a thread rehearses alone.
REHEARSAL_SECONDS = 5.0

Header = tuple[str, str]
Head = tuple[int, list[Header]]

_POLICY = 1008
_CLOSE = [("connection", "close")]
_CUT = "The body ended early: send it again.\n"
_TOO_SLOW = "The body did not come in time: send it again.\n"


class Given(Protocol):
    """What a WSGI application answers with: Django's responses are such."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Incoming(Protocol):
    """What granian tells of a request (its RSGI scope), as far as it is asked for."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Any


class Web:
    """Reads a request on the event loop, then has a thread answer it by WSGI."""

    def __init__(self, wsgi: Callable[..., Any], *, threads: int) -> None:
        self._wsgi = wsgi
        self._count = threads
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="web")

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by granian when a process starts: each thread rehearses before it answers."""
        together = Barrier(self._count)
        for _ in range(self._count):
            self._threads.submit(_rehearse, together)

    async def __rsgi__(self, scope: Incoming, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(_POLICY)
            return
        if _is_bodiless(scope):
            await self._ask(environment(scope, body=BytesIO()), protocol, scope.method)
            return
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            try:
                size = await receive(protocol, body=body, most=_most(scope.path))
            except TimeoutError:
                protocol.response_str(408, _CLOSE, _TOO_SLOW)
                return
            environ = environment(scope, body=body)
            if _is_cut(environ, size=size):
                protocol.response_str(400, _CLOSE, _CUT)
                return
            await self._ask(environ, protocol, scope.method)

    async def _ask(self, environ: dict[str, Any], protocol: Any, method: str, /) -> None:
        """Answer in a thread; `run_in_executor` takes thrice as long to tell of it."""
        asked: asyncio.Future[Head] = asyncio.get_running_loop().create_future()
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as page:
            answering = self._threads.submit(self._answer, environ, page)
            answering.add_done_callback(partial(_tell_loop, asked))
            await _send(await asked, page, protocol=protocol, is_bare=method == "HEAD")

    def _answer(self, environ: dict[str, Any], page: IO[bytes], /) -> Head:
        told: list[Any] = []

        def start(status: str, headers: list[Header], exc_info: object = None) -> None:
            told[:] = int(status[:3]), headers

        given: Given = self._wsgi(environ, start)
        with closing(given):
            for part in given:
                page.write(part)
        return told[0], told[1]


def _rehearse(together: Barrier, /) -> None:
    """Wait for the others: a thread that is done would take the rehearsal of another."""
    with suppress(BrokenBarrierError):
        together.wait(timeout=REHEARSAL_SECONDS)
    rehearsal.rehearse()


def _tell_loop(asked: "asyncio.Future[Head]", answered: "Future[Head]", /) -> None:
    asked.get_loop().call_soon_threadsafe(_settle, asked, answered)


def _settle(asked: "asyncio.Future[Head]", answered: "Future[Head]", /) -> None:
    if asked.cancelled():
        return
    if error := answered.exception():
        asked.set_exception(error)
    else:
        asked.set_result(answered.result())


async def receive(protocol: Any, *, body: IO[bytes], most: int) -> int:
    """Take in a body that comes in time, or the beginning of one that is longer than any door
    takes; return how long it was."""
    clock = asyncio.get_running_loop().time
    began, size = clock(), 0
    async with asyncio.timeout(PATIENCE_SECONDS) as patience:
        async for part in protocol:
            size += len(part)
            if size <= most:
                body.write(part)
            elif size > most + DRAINED_BYTES:
                break
            earned = began + PATIENCE_SECONDS + size / SLOWEST_BYTES_A_SECOND
            patience.reschedule(min(clock() + PATIENCE_SECONDS, earned))
    return size


def environment(scope: Incoming, *, body: IO[bytes]) -> dict[str, Any]:
    """Return the request as WSGI (PEP 3333) tells it."""
    headers = _grouped(scope.headers.items())
    name, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": name.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in headers.items():
        key = header.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    if "transfer-encoding" in headers:
        environ["CONTENT_LENGTH"] = str(body.tell())
    body.seek(0)
    return environ


def _is_bodiless(scope: Incoming) -> bool:
    """Tell a request that by HTTP/1.1 ends with its head: nothing more is waited for."""
    headers = scope.headers
    return (
        scope.http_version == "1.1"
        and headers.get("content-length") is None
        and headers.get("transfer-encoding") is None
    )


def _is_cut(environ: Mapping[str, Any], *, size: int) -> bool:
    """Tell a body that ended early: what is left of a form must not pass for the whole."""
    promised = environ.get("CONTENT_LENGTH", "")
    return str(promised).isdecimal() and size < int(promised)


def _grouped(given: Iterable[Header]) -> dict[str, str]:
    """Join what stands several times; a name with `_` could pass for another one."""
    headers: dict[str, str] = {}
    for name, value in given:
        if name in headers:
            headers[name] += f"{'; ' if name == 'cookie' else ','}{value}"
        elif "_" not in name:
            headers[name] = value
    return headers


def _most(path: str) -> int:
    """Files are uploaded in the admin only."""
    of_a_file = (settings.ATTUNE_IMPORT_LIMIT_MB + 1) * 1_000_000
    return of_a_file if path.startswith("/admin/") else MOST_BYTES


async def _send(head: Head, page: IO[bytes], /, *, protocol: Any, is_bare: bool) -> None:
    size = page.tell()
    page.seek(0)
    if is_bare or not size:
        protocol.response_empty(*head)
    elif size <= IN_MEMORY_BYTES:
        protocol.response_bytes(*head, page.read())
    else:
        transport = protocol.response_stream(*head)
        while piece := page.read(PIECE_BYTES):
            await transport.send_bytes(piece)


app = Web(application, threads=settings.ATTUNE_WEB_THREADS)
