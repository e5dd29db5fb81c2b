"""Make what comes next while the database works on what came before.

A thread of its own would do it, too, but on one core the two stand in each other's way: who comes
back from the database waits for the other's turn to end, a dozen times a batch, and meanwhile the
database waits for both. So the waiting itself is used: before this process goes to sleep until the
server answers, it does a step of what is to be done, looks whether the answer is there, and so on.
"""

import gc
import select
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from django.db import connection
from psycopg.waiting import Ready, Wait

T = TypeVar("T")

# Work that stops for a look at the database after each step, of less than a millisecond if it can;
# what it returns is its result. It may not ask the database anything.
Steps = Generator[None, None, T]

_MASKS = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}


def finish(steps: Steps[T]) -> T:
    """Do all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


class Task(Generic[T]):
    """Something that is made step by step; a fault on the way is raised where it is asked for."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._result: T
        self._fault: BaseException | None = None
        self.is_done = False

    def step(self) -> None:
        try:
            next(self._steps)
        except StopIteration as end:
            self._result, self.is_done = end.value, True
        except BaseException as fault:  # noqa: BLE001
            # Whoever waits for the database has nothing to do with it; not even with a Ctrl-C.
            self._fault, self.is_done = fault, True

    def drop(self) -> None:
        """Want it no more; a Ctrl-C that came while it was made is not lost with it."""
        if self._fault and not isinstance(self._fault, Exception):
            raise self._fault

    def result(self) -> T:
        """Do what is left of it, and return what it came to."""
        while not self.is_done:
            self.step()
        if self._fault:
            raise self._fault
        return self._result


class Meanwhile:
    """Works on tasks while the database works; what was started last is needed first."""

    def __init__(self) -> None:
        self._tasks: list[Task[Any]] = []

    def start(self, steps: Steps[T]) -> Task[T]:
        task = Task(steps)
        # What was done elsewhere, as whoever asked for it had to wait, would hold on to its result.
        self._tasks = [*(each for each in self._tasks if not each.is_done), task]
        return task

    def beside(self, answer: Generator[Any, Any, T], *, socket: int) -> Generator[Any, Any, T]:
        """Go on with an answer of the server as it comes, with the tasks where it does not.

        Only when all tasks are done it is waited for by whoever drives this generator.
        """
        poll = select.poll()
        try:
            wanted = next(answer)
            while True:
                poll.register(socket, _MASKS[Wait(wanted)])
                came = 0
                while self._is_working() and not (came := _came(poll)):
                    self._tasks[-1].step()
                # No known sign: the driver finds out what is wrong with the connection.
                wanted = answer.send(came if came > 0 else (yield wanted))
        except StopIteration as end:
            result: T = end.value
            return result

    def _is_working(self) -> bool:
        while self._tasks and self._tasks[-1].is_done:
            self._tasks.pop()
        return bool(self._tasks)


@contextmanager
def meanwhile() -> Iterator[Meanwhile]:
    """Use the time this process waits for the database, until the end of the block."""
    work = Meanwhile()
    connection.ensure_connection()
    server = connection.connection
    usual = server.wait

    def wait(answer: Generator[Any, Any, T], *arguments: Any, **named: Any) -> T:
        beside = work.beside(answer, socket=server.fileno())
        found: T = usual(beside, *arguments, **named)
        return found

    server.wait = wait
    try:
        yield work
    finally:
        del server.wait


def ahead(make: Callable[[], Steps[T | None]], *, work: Meanwhile) -> Iterator[T]:
    """Yield what `make` makes until that is None, each made while the one before is worked on.

    One is made ahead, never more.
    """
    coming = work.start(make())
    while (item := coming.result()) is not None:
        coming = work.start(make())
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


def _came(poll: select.poll) -> int:
    """Return what the server is ready for: 0 for nothing yet, -1 for something unheard of."""
    for _, signs in poll.poll(0):
        came = Ready.R if signs & select.POLLIN else 0
        if signs & select.POLLOUT:
            came |= Ready.W
        return came or -1
    return 0
