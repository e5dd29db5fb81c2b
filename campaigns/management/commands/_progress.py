"""A progress line on a terminal; silent where nobody watches."""

import time
from typing import Protocol

from consent.models import Job


class Output(Protocol):
    """What a command writes to."""

    def isatty(self) -> bool: ...
    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...


class ProgressLine:
    """Shows a job's progress in one line that is written over."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._is_shown = out.isatty()
        self._started = time.monotonic()

    def __call__(self, job: Job) -> None:
        if not self._is_shown:
            return
        seconds = time.monotonic() - self._started
        share = "" if job.percent is None else f" {_bar(job.percent)} {job.percent:3d} %"
        self._out.write(f"\r  {job}: {job.done:,}{share} {seconds:4.0f} s ")
        if job.state not in (Job.State.RUNNING, Job.State.QUEUED):
            self._out.write("\n")
            self._started = time.monotonic()
        self._out.flush()


def _bar(percent: int) -> str:
    filled = percent // 4
    return "█" * filled + "░" * (25 - filled)
