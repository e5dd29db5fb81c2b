"""Workers of `pytest -n`: each has a database number of its own, and long tests come first."""

import gc
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from execnet import XSpec


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: some wait for servers, leases and kills."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: "list[XSpec]") -> None:
    """Lead each worker to the servers of this run, as if they had been given to it.

    Cache and broker are emptied between tests, so workers must not share them. The number of a
    worker's PostgreSQL database comes from pytest-django.
    """
    for number, spec in enumerate(specs, start=1):
        # Without it xdist makes the specification anew, and the environment is lost.
        spec.execmodel = "main_thread_only"
        spec.env |= {
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "REDIS_URL": numbered(settings.REDIS_URL, number=number),
            "ATTUNE_DEMO": str(int(settings.ATTUNE_DEMO)),
        }


def numbered(redis_url: str, *, number: int) -> str:
    """Return the address of the database that many numbers after the given one."""
    if named := re.search(r"(?<=[?&]db=)\d+", redis_url):
        return f"{redis_url[: named.start()]}{int(named[0]) + number}{redis_url[named.end() :]}"
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"{redis_url}{'&' if parts.query else '?'}db={number}"
    given = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{given + number}").geturl()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests marked `long` first: none of them shall run alone at the end.

    Those of a file stay together, as what they share is made once.
    """
    items.sort(key=lambda item: (0, str(item.path)) if item.get_closest_marker("long") else (1, ""))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name packed bytes by their length: the time is packed with them, and workers would differ."""
    return f"gzip-{len(val)}" if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the thousands of tests that stay to the end anyway.

    It also comes more seldom than usual: migrating alone makes it run thousands of times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
