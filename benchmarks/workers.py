"""Celery workers as `make serve` starts them, ready before the clock is."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.celery import app as celery_app
from config.processes import Processes, worker

NAME = "bench-worker"


@contextmanager
def running(count: int) -> Iterator[list[int]]:
    """Start `count` worker processes and give their process numbers."""
    processes = Processes()
    try:
        processes.start(NAME, worker(count))
        processes.wait_for(NAME, lambda: len(_pool()) == count)
        yield _pool()
    finally:
        processes.stop()


def _pool() -> list[int]:
    answers = celery_app.control.inspect(timeout=1.0).stats() or {}
    return [process for answer in answers.values() for process in answer["pool"]["processes"]]
