"""What comes next is made while the database works, a step at a time."""

import gc
from contextlib import suppress
from weakref import WeakSet

import pytest
from django.db import connection

from personalization.importing.ahead import (
    Meanwhile,
    Steps,
    ahead,
    collector_at_rest,
    finish,
    meanwhile,
)

MANY = 10_000_000


def counted(numbers: list[int], *, upto: int) -> Steps[int]:
    for number in range(upto):
        numbers.append(number)
        yield
    return upto


def ask(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_items_come_in_order_and_none_is_forced_before_it_is_asked_for() -> None:
    begun: list[int] = []
    numbers = iter((1, 2, 3))

    def make() -> Steps[int | None]:
        number = next(numbers, None)
        begun.append(number or 0)
        yield
        return number

    stream = ahead(make, work=Meanwhile())

    assert next(stream) == 1
    assert begun == [1]
    assert list(stream) == [2, 3]
    assert begun == [1, 2, 3, 0]


def test_a_fault_comes_in_its_place_after_what_was_made_before_it() -> None:
    numbers = iter((1, 0))

    def make() -> Steps[int | None]:
        yield
        return 1 // next(numbers)

    stream = ahead(make, work=Meanwhile())

    assert next(stream) == 1
    with pytest.raises(ZeroDivisionError):
        next(stream)


@pytest.mark.django_db
def test_steps_are_done_while_the_server_works_and_stop_when_it_answers() -> None:
    done: list[int] = []

    with meanwhile() as work:
        task = work.start(counted(done, upto=MANY))
        answer = ask("SELECT 7 FROM pg_sleep(0.2)")
        count = len(done)

    assert answer == 7
    assert 100 < count < MANY
    assert not task.is_done


@pytest.mark.django_db
def test_what_was_started_last_is_done_first_and_then_the_server_is_waited_for() -> None:
    order: list[str] = []

    def named(name: str) -> Steps[str]:
        yield
        order.append(name)
        return name

    with meanwhile() as work:
        first, second = work.start(named("first")), work.start(named("second"))
        assert ask("SELECT 7 FROM pg_sleep(0.1)") == 7

    assert order == ["second", "first"]
    assert (first.result(), second.result()) == ("first", "second")


@pytest.mark.django_db
def test_a_fault_of_a_step_does_not_touch_the_statement_it_was_done_beside() -> None:
    def broken() -> Steps[None]:
        yield
        raise KeyboardInterrupt

    with meanwhile() as work:
        task = work.start(broken())
        assert ask("SELECT 7 FROM pg_sleep(0.05)") == 7
        with pytest.raises(KeyboardInterrupt):
            task.result()
    assert ask("SELECT 8") == 8


@pytest.mark.django_db
def test_data_is_copied_and_a_refused_statement_is_told_as_ever() -> None:
    done: list[int] = []
    text = "".join(f"{number}\n" for number in range(100_000)).encode()

    with meanwhile() as work, connection.cursor() as cursor:
        work.start(counted(done, upto=MANY))
        cursor.execute("CREATE TEMPORARY TABLE copied (number integer) ON COMMIT DROP")
        with cursor.copy("COPY copied FROM STDIN") as copy:
            copy.write(text)
        count = ask("SELECT count(*) FROM copied")
        with pytest.raises(Exception, match="division by zero"):
            cursor.execute("SELECT 1 / 0")

    assert count == 100_000
    assert done


@pytest.mark.django_db
def test_afterwards_the_connection_waits_as_before() -> None:
    usual = connection.connection.wait

    with suppress(KeyError), meanwhile() as work:
        during = connection.connection.wait
        work.start(counted([], upto=3))
        raise KeyError

    assert during != usual
    assert connection.connection.wait == usual


def test_what_was_made_is_not_held_on_to_though_the_last_one_is_never_done() -> None:
    class Made:
        pass

    def make() -> Steps[Made]:
        yield
        return Made()

    work, alive = Meanwhile(), WeakSet[Made]()
    for _ in range(5):
        task = work.start(make())
        work.start(counted([], upto=MANY))
        alive.add(task.result())

    assert len(alive) == 1


def test_steps_can_be_done_at_once() -> None:
    assert finish(counted([], upto=5)) == 5


def test_the_collector_is_on_again_also_after_a_fault() -> None:
    with suppress(KeyError), collector_at_rest():
        is_on = gc.isenabled()
        raise KeyError

    assert not is_on
    assert gc.isenabled()
