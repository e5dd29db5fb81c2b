"""A budget of time for one answer: statements end with it, and between them it is looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, OperationalError

from consent import statements

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


_SET = """
SELECT set_config('statement_timeout', %s, false), set_config('synchronous_commit', %s, false)
"""


@contextmanager
def limited(budget: Budget, *, is_durable: bool = True) -> Iterator[None]:
    """Let no statement of this connection outlive the budget.

    What is not `is_durable` may be lost where the server itself fails within the next second.
    """
    budget.check()
    statements.rows(_SET, [str(budget.milliseconds), None if is_durable else "off"])
    try:
        yield
    finally:
        # A connection that is gone has nothing to take back. None is what the server was set to.
        with suppress(DatabaseError):
            statements.run(_SET, [None, None])


def is_cancelled(error: OperationalError) -> bool:
    """Say whether a statement ended because its time was over."""
    return getattr(error.__cause__, "sqlstate", "") == _CANCELLED
