"""A budget of time for one answer: statements end with it, and between them it is looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, OperationalError, connection

_CANCELLED = "57014"


class DeadlinePassed(Exception):
    """The budget is used up: say something else at once."""


class Budget:
    """Seconds that are left of what a caller waits for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def milliseconds(self) -> int:
        return max(int((self._end - time.monotonic()) * 1000), 0)

    def check(self) -> None:
        if not self.milliseconds:
            raise DeadlinePassed


@contextmanager
def limited(budget: Budget) -> Iterator[None]:
    """Let no statement of this connection outlive the budget."""
    budget.check()
    _limit(budget.milliseconds)
    try:
        yield
    finally:
        # A connection that is gone has no limit to take back.
        with suppress(DatabaseError):
            _limit(0)


def is_cancelled(error: OperationalError) -> bool:
    """Say whether a statement ended because its time was over."""
    return getattr(error.__cause__, "sqlstate", "") == _CANCELLED


def _limit(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(milliseconds)])
