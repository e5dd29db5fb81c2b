"""A worker's database connection: kept between tasks, left behind after a failure."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from config.celery import app, leave_the_connection, look_at_the_connection

pytestmark = pytest.mark.django_db
# What Celery itself does with connections before and after each task; its types leave it out.
fixup: Any = import_module("celery.fixups.django").DjangoWorkerFixup(app)


def by_worker(do: Callable[[Any], list[int]]) -> list[int]:
    """Run in a thread, which has a connection of its own, as a worker process has."""
    task = SimpleNamespace(request=SimpleNamespace(is_eager=False))

    def run() -> list[int]:
        try:
            return do(task)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(run).result()


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number: int = cursor.fetchone()[0]
    return number


def test_the_next_task_finds_the_connection_of_the_last_one() -> None:
    def work(task: Any) -> list[int]:
        found = []
        for _ in range(3):
            look_at_the_connection(task)
            fixup.on_task_prerun(task)
            found.append(session())
            fixup.on_task_postrun(task)
        return found

    first, *others = by_worker(work)

    assert others == [first, first]


def test_a_connection_that_the_server_ended_is_replaced() -> None:
    def work(task: Any) -> list[int]:
        ended = session()
        connection.connection.pgconn.finish()
        look_at_the_connection(task)
        fixup.on_task_prerun(task)
        return [ended, session()]

    ended, now = by_worker(work)

    assert now != ended


def test_nobody_goes_on_with_the_connection_of_a_task_that_failed() -> None:
    def work(task: Any) -> list[int]:
        failed = session()
        leave_the_connection(task)
        fixup.on_task_postrun(task)
        look_at_the_connection(task)
        fixup.on_task_prerun(task)
        return [failed, session()]

    failed, now = by_worker(work)

    assert now != failed
