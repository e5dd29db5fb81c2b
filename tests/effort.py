"""How much work something was, in seconds of the processor: a busy machine does not change it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail if this thread computes for longer; far more than is needed, far less than a bomb."""
    begun = time.thread_time()
    yield
    spent = time.thread_time() - begun
    assert spent < seconds, f"computed for {spent:.1f} s, at most {seconds} s are fine"
