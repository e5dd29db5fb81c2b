"""Run a campaign to its end inside one process, or watch workers do it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from campaigns.delivery.base import Backend
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, pipeline
from campaigns.sending.reconcile import reconcile
from consent.jobs import Progress

State = Send.State
DONE = (State.SENT, State.FAILED, State.SKIPPED, State.HELD)
LOOK_SECONDS = 0.2
# How often rows whose worker died are looked for while nothing else is left to do.
SETTLE_SECONDS = 1.0

Clock = Callable[[], datetime]


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
    campaign: Campaign,
    *,
    backend: Backend,
    clock: Clock,
    patience_seconds: float,
    progress: Progress,
) -> Run:
    """Send chunk after chunk until nothing is due; a cancel stops between two chunks.

    Rows that a dead worker held are waited for: their lease has to run out first.
    """
    started, before, moved = time.monotonic(), sent_count(campaign), time.monotonic()
    while not (problem := _step(campaign, backend=backend, clock=clock, progress=progress)):
        if not _is_leased(campaign):
            problem = _waiting(campaign)
            break
        if time.monotonic() - moved > patience_seconds:
            problem = "another worker holds mails and does not go on"
            break
        time.sleep(SETTLE_SECONDS)
        settled = reconcile(backend=backend, now=clock())
        if settled.returned or settled.confirmed or settled.resent:
            moved = time.monotonic()
    lifecycle.finish(now=clock())
    return Run(sent_count(campaign) - before, time.monotonic() - started, problem)


def watch(campaign: Campaign, *, clock: Clock, patience_seconds: float, progress: Progress) -> Run:
    """Follow the workers until no row is open, or until nothing moved for too long."""
    started, before, problem = time.monotonic(), sent_count(campaign), ""
    done, moved = done_count(campaign), time.monotonic()
    while Send.objects.open().filter(campaign=campaign).exists():
        time.sleep(LOOK_SECONDS)
        now_done = done_count(campaign)
        if now_done > done:
            progress.advance(now_done - done)
            done, moved = now_done, time.monotonic()
        elif time.monotonic() - moved > patience_seconds:
            campaign.refresh_from_db()
            problem = campaign.problem or "nothing moved any more: is a worker running?"
            break
    lifecycle.finish(now=clock())
    return Run(sent_count(campaign) - before, time.monotonic() - started, problem)


def sent_count(campaign: Campaign) -> int:
    return Send.objects.filter(campaign=campaign, state=State.SENT).count()


def done_count(campaign: Campaign) -> int:
    return Send.objects.filter(campaign=campaign, state__in=DONE).count()


def _step(campaign: Campaign, *, backend: Backend, clock: Clock, progress: Progress) -> str:
    """Send all that is due; return what kept it from going on, if anything did."""
    result = pipeline.run_chunk(campaign, backend=backend, now=clock())
    while result.taken:
        progress.advance(result.settled)
        result = pipeline.run_chunk(campaign, backend=backend, now=clock())
    if campaign.status == Campaign.Status.PAUSED:
        return "the campaign was paused"
    return result.problem


def _is_leased(campaign: Campaign) -> bool:
    rows = Send.objects.open().filter(campaign=campaign).exclude(state=State.PLANNED)
    return rows.exists()


def _waiting(campaign: Campaign) -> str:
    waiting = Send.objects.filter(campaign=campaign, state=State.PLANNED)
    found = waiting.aggregate(count=Count("pk"))["count"]
    return f"{found} mails wait for another try" if found else ""
