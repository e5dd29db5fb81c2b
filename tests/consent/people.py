"""People for the tests of the ground floor, and work done at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TypeVar

from django.db import connection

from consent import identify
from consent.identify import Names
from consent.models import DataSubject

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
R = TypeVar("R")


def subject(
    email: str = "anna@example.com", *, external_id: str = "", source: str = "shop"
) -> DataSubject:
    found = identify.resolve([Names(external_id=external_id, email=email)], source=source)
    return DataSubject.objects.get(pk=found.subject_ids[0] or 0)


def at_once(*works: Callable[[], R]) -> list[R]:
    """Do all of it at the same moment, each over a connection of its own."""
    start = Barrier(len(works))

    def one(work: Callable[[], R]) -> R:
        try:
            start.wait(timeout=60)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=180) for future in [pool.submit(one, each) for each in works]]
