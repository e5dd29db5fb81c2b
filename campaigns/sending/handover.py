"""Hand finished mails over in small groups: mark, deliver, record; nothing is sent in doubt."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.delivery.base import Backend, Delivery, Envelope, Outcome
from campaigns.sending.states import Result, State, begin_handover, finish

GROUP = 20
MAX_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ready:
    """A rendered mail and the row it belongs to."""

    send_id: int
    envelope: Envelope
    attempts: int
    arm: str
    is_counted: bool


class Clock:
    """The use case's `now`, moving on as time passes while mails are handed over."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._started = time.monotonic()

    def now(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._started)


def in_groups(
    emails: Sequence[Ready], *, backend: Backend, token: uuid.UUID, clock: Clock, lease: timedelta
) -> list[Result]:
    """Deliver group by group; stop at a provider that takes nothing, and give the rest back."""
    results: list[Result] = []
    for start in range(0, len(emails), GROUP):
        group = _deliver(
            emails[start : start + GROUP], backend=backend, token=token, clock=clock, lease=lease
        )
        results += group
        if group and all(result.state == State.PLANNED for result in group):
            rest = [_returned(ready, clock.now()) for ready in emails[start + GROUP :]]
            finish(rest, token=token, at=clock.now())
            return results + rest
    return results


def _deliver(
    group: Sequence[Ready], *, backend: Backend, token: uuid.UUID, clock: Clock, lease: timedelta
) -> list[Result]:
    ours = begin_handover(
        [ready.send_id for ready in group], token=token, at=clock.now(), lease=lease
    )
    mine = [ready for ready in group if ready.send_id in ours]
    deliveries = backend.deliver([ready.envelope for ready in mine])
    results = list(_results(mine, deliveries, at=clock.now()))
    finish(results, token=token, at=clock.now())
    return results


def _results(
    group: Sequence[Ready], deliveries: Sequence[Delivery], *, at: datetime
) -> Iterator[Result]:
    states = {
        Outcome.SENT: State.SENT,
        Outcome.FAILED: State.FAILED,
        Outcome.RETRY: State.PLANNED,
        Outcome.UNKNOWN: State.UNKNOWN,
    }
    for ready, delivery in zip(group, deliveries, strict=True):
        state, reason, due_at = states[delivery.outcome], "", None
        if state == State.PLANNED and ready.attempts >= MAX_ATTEMPTS:
            state, reason = State.FAILED, "gave_up"
        elif state == State.PLANNED:
            due_at = at + backoff(ready.attempts)
        elif state == State.FAILED:
            reason = "refused"
        yield Result(
            send_id=ready.send_id,
            state=state,
            reason=reason,
            detail=delivery.detail,
            arm=ready.arm,
            due_at=due_at,
            is_counted=ready.is_counted,
        )


def backoff(attempts: int) -> timedelta:
    """Wait 30 seconds after the first try, twice as long after each further one, at most an hour."""
    return min(FIRST_WAIT * 2 ** max(0, attempts - 1), timedelta(hours=1))


def _returned(ready: Ready, at: datetime) -> Result:
    return Result(
        send_id=ready.send_id,
        state=State.PLANNED,
        arm=ready.arm,
        due_at=at + FIRST_WAIT,
        is_counted=ready.is_counted,
        is_try=False,
    )
