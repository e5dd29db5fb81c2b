"""Celery workers as `make serve` starts them, ready before the clock is."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.celery import app as celery_app
from config.processes import Processes, worker

NAME = "bench-worker"


@contextmanager
def running(count: int) -> Iterator[list[int]]:
    """Start `count` worker processes and give their process numbers."""
    processes, pool = Processes(), _Pool()
    try:
        processes.start(NAME, worker(count))
        processes.wait_for(NAME, lambda: pool.size() == count)
        yield pool.members
    finally:
        processes.stop()


class _Pool:
    def __init__(self) -> None:
        self.members: list[int] = []

    def size(self) -> int:
        """Ask the worker, whose answer means that it is ready for tasks, too."""
        answers = celery_app.control.inspect(timeout=1.0, limit=1).stats() or {}
        for answer in answers.values():
            self.members = answer["pool"]["processes"]
        return len(self.members)
