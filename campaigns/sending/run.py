"""Run a campaign to its end inside one process, or watch workers do it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from campaigns.delivery.base import Backend
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, pipeline
from consent.jobs import Progress

State = Send.State
DONE = (State.SENT, State.FAILED, State.SKIPPED, State.HELD)
WATCH_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Run:
    """What this run added; `problem` says why it stopped before the end."""

    sent: int
    seconds: float
    problem: str = ""

    @property
    def per_second(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


def here(
    campaign: Campaign, *, backend: Backend, clock: Callable[[], datetime], progress: Progress
) -> Run:
    """Send chunk after chunk until nothing is due; a cancel stops between two chunks."""
    started, before, problem = time.monotonic(), sent_count(campaign), ""
    while True:
        result = pipeline.run_chunk(campaign, backend=backend, now=clock())
        problem = result.problem
        if not result.taken:
            break
        progress.advance(result.taken)
    lifecycle.finish(now=clock())
    return Run(sent_count(campaign) - before, time.monotonic() - started, problem)


def watch(campaign: Campaign, *, patience_seconds: float, progress: Progress) -> Run:
    """Follow the workers until no row is open, or until nothing moved for too long."""
    started, before = time.monotonic(), sent_count(campaign)
    done, moved = done_count(campaign), time.monotonic()
    while Send.objects.filter(campaign=campaign, state__in=lifecycle.OPEN).exists():
        time.sleep(WATCH_SECONDS)
        now_done = done_count(campaign)
        if now_done > done:
            progress.advance(now_done - done)
            done, moved = now_done, time.monotonic()
        elif time.monotonic() - moved > patience_seconds:
            campaign.refresh_from_db()
            problem = campaign.problem or "nothing moved any more: is a worker running?"
            return Run(sent_count(campaign) - before, time.monotonic() - started, problem)
    return Run(sent_count(campaign) - before, time.monotonic() - started)


def sent_count(campaign: Campaign) -> int:
    return Send.objects.filter(campaign=campaign, state=State.SENT).count()


def done_count(campaign: Campaign) -> int:
    return Send.objects.filter(campaign=campaign, state__in=DONE).count()
