"""A file is read in a thread, one part ahead of what is worked on."""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from personalization.importing.ahead import TURN_SECONDS, ahead, collector_at_rest


def test_items_come_in_order_and_one_is_made_ahead_in_another_thread() -> None:
    made: list[tuple[int, bool]] = []
    second = threading.Event()

    def items() -> Iterator[int]:
        for number in (1, 2, 3):
            made.append((number, threading.current_thread() is threading.main_thread()))
            if number == 2:
                second.set()
            yield number

    stream = ahead(items())
    first = next(stream)

    assert first == 1
    assert second.wait(timeout=60)
    assert list(stream) == [2, 3]
    assert made == [(1, False), (2, False), (3, False)]


def test_a_fault_comes_in_its_place_after_what_was_made_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stream = ahead(items())

    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_who_stops_on_the_way_leaves_no_thread_and_the_usual_turns() -> None:
    usual, threads = sys.getswitchinterval(), threading.active_count()

    with closing(ahead(iter(range(1, 100)))) as stream:
        next(stream)
        turns = sys.getswitchinterval()

    assert turns == pytest.approx(TURN_SECONDS)
    assert threading.active_count() == threads
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_the_collector_is_on_again_also_after_a_fault() -> None:
    with suppress(KeyError), collector_at_rest():
        is_on = gc.isenabled()
        raise KeyError

    assert not is_on
    assert gc.isenabled()
