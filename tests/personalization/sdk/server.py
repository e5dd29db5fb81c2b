"""A web process as `make serve` starts it, on the database of the tests."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from config.processes import Processes, answers, web


@contextmanager
def serving(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start it and give its address; what it stores is committed."""
    port = _free_port()
    patch.setenv("DATABASE_URL", _of_tests(os.environ["DATABASE_URL"]))
    patch.setenv("ATTUNE_DEMO", "1")
    processes = Processes()
    try:
        processes.start(f"test-web-{port}", web(port, processes=1))
        url = f"http://127.0.0.1:{port}"
        processes.wait_for(f"test-web-{port}", lambda: answers(f"{url}/healthz"))
        yield url
    finally:
        processes.stop()
        processes.log(f"test-web-{port}").unlink()


def _of_tests(url: str) -> str:
    address, mark, options = url.partition("?")
    return f"{address.rpartition('/')[0]}/{connection.settings_dict['NAME']}{mark}{options}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
