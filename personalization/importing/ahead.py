"""Read the next part of a file while the database takes the last one."""

import gc
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

# Who comes back from the database waits at most so long until the reading thread lets go. At the
# usual 5 ms it would wait longer for that than for the database.
TURN_SECONDS = 0.0005


def ahead(items: Iterator[T]) -> Generator[T]:
    """Yield the items, each made in a thread of its own while the one before is worked on.

    One is made ahead, never more. A fault in making one is raised in its place. The iterator may
    not touch the database: it would get another connection.
    """
    with _short_turns(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Rows are freed by counting. Looking through tens of thousands of them for circles, again and
    again, would take as long as reading them; so it is done when the caller says so."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _short_turns() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, TURN_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
