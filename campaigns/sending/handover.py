"""Hand finished mails over in small groups: mark, deliver, record; nothing is sent in doubt."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from campaigns.delivery.base import Backend, Delivery, Envelope, Outcome
from campaigns.models import Send
from campaigns.sending import frequency
from campaigns.sending.states import Result, State, begin_handover, doubt, finish, hold
from campaigns.tracking import behaviour

GROUP = 20
MAX_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=30)
# How long a mail server may still work on what reached it before a hand-over was broken off.
ASK_AFTER = timedelta(seconds=15)
_STATES = {
    Outcome.SENT: State.SENT,
    Outcome.FAILED: State.FAILED,
    Outcome.RETRY: State.PLANNED,
    Outcome.UNKNOWN: State.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Ready:
    """A rendered mail and the row it belongs to."""

    send: Send
    envelope: Envelope
    arm: str


class Clock:
    """The use case's `now`, moving on as time passes while mails are handed over."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._started = time.monotonic()

    def elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._started)

    def now(self) -> datetime:
        return self._now + self.elapsed()


def in_groups(
    emails: Sequence[Ready], *, backend: Backend, token: uuid.UUID, clock: Clock, lease: timedelta
) -> list[Result]:
    """Deliver group by group.

    Stop at a provider that takes nothing, or that is so slow that half of the lease is over, and
    give the rest back: only who still holds a row may hand it over.
    """
    results: list[Result] = []
    for start in range(0, len(emails), GROUP):
        if clock.elapsed() > lease / 2:
            return results + _give_back(emails[start:], token=token, clock=clock, wait=timedelta())
        group = _deliver(
            emails[start : start + GROUP], backend=backend, token=token, clock=clock, lease=lease
        )
        results += group
        if group and all(result.state == State.PLANNED for result in group):
            rest = emails[start + GROUP :]
            return results + _give_back(rest, token=token, clock=clock, wait=FIRST_WAIT)
    return results


def backoff(attempts: int) -> timedelta:
    """Wait 30 seconds after the first try, then twice as long each time, at most an hour."""
    doublings = min(max(0, attempts - 1), MAX_ATTEMPTS)
    return min(FIRST_WAIT * (1 << doublings), timedelta(hours=1))


def record(results: Sequence[Result], *, token: uuid.UUID, at: datetime) -> None:
    """Store what became of rows we hold; who gets no mail after all gets the week's place back."""
    unsent = [result.send_id for result in results if result.state in (State.FAILED, State.SKIPPED)]
    with transaction.atomic(savepoint=False):
        if unsent:
            frequency.give_back(unsent, token=token)
        finish(results, token=token, at=at)


def _deliver(
    group: Sequence[Ready], *, backend: Backend, token: uuid.UUID, clock: Clock, lease: timedelta
) -> list[Result]:
    ids = [ready.send.pk for ready in group]
    # Committed before the first byte leaves: whatever happens from here on, it left a trace.
    begin_handover(ids, token=token, at=clock.now(), lease=lease)
    try:
        with transaction.atomic():
            ours = hold(ids, token=token)
            mine = [ready for ready in group if ready.send.pk in ours]
            deliveries = backend.deliver([ready.envelope for ready in mine]) if mine else []
            results = list(_results(mine, deliveries, at=clock.now()))
            record(results, token=token, at=clock.now())
            behaviour.sent(_sent(mine, results), at=clock.now())
    except BaseException:
        doubt(ids, token=token, ask_after=min(lease, ASK_AFTER))
        raise
    return results


def _results(
    group: Sequence[Ready], deliveries: Sequence[Delivery], *, at: datetime
) -> Iterator[Result]:
    for ready, delivery in zip(group, deliveries, strict=True):
        state, reason, due_at = _STATES[delivery.outcome], "", None
        if state == State.PLANNED and ready.send.attempts >= MAX_ATTEMPTS:
            state, reason = State.FAILED, "gave_up"
        elif state == State.PLANNED:
            due_at = at + backoff(ready.send.attempts)
        elif state == State.FAILED:
            reason = "refused"
        yield Result(
            send_id=ready.send.pk,
            state=state,
            reason=reason,
            detail=delivery.detail,
            arm=ready.arm,
            due_at=due_at,
        )


def _sent(group: Sequence[Ready], results: Sequence[Result]) -> list[Send]:
    return [
        ready.send
        for ready, result in zip(group, results, strict=True)
        if result.state == State.SENT
    ]


def _give_back(
    emails: Sequence[Ready], *, token: uuid.UUID, clock: Clock, wait: timedelta
) -> list[Result]:
    due_at = clock.now() + wait
    rest = [
        Result(ready.send.pk, State.PLANNED, arm=ready.arm, due_at=due_at, is_try=False)
        for ready in emails
    ]
    finish(rest, token=token, at=clock.now())
    return rest
