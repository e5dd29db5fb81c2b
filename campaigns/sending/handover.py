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
from campaigns.sending.states import (
    Result,
    State,
    begin_handover,
    doubt,
    finish,
    finish_and_begin,
    hold,
    message_keys,
)
from campaigns.tracking import behaviour
from personalization.models import Source
from personalization.offers import reserve

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


@dataclass(frozen=True, slots=True)
class HandOver:
    """One worker with its lease on a chunk, and whom it hands the mails to."""

    backend: Backend
    token: uuid.UUID
    clock: Clock
    lease: timedelta
    # Where "Email Sent" is noted.
    source: Source

    def in_groups(self, emails: Sequence[Ready]) -> list[Result]:
        """Deliver group by group; the commit that records one marks the next.

        Stop at a provider that takes nothing, or that is so slow that half of the lease is over,
        and give the rest back: only who still holds a row may hand it over.
        """
        results: list[Result] = []
        if emails:
            self._begin(emails[:GROUP])
        for start in range(0, len(emails), GROUP):
            group, rest = emails[start : start + GROUP], emails[start + GROUP :]
            if self.clock.elapsed() > self.lease / 2:
                return results + self._give_back(emails[start:], wait=timedelta())
            done = self._deliver(group, following=rest[:GROUP])
            results += done
            if done and all(result.state == State.PLANNED for result in done):
                return results + self._give_back(rest, wait=FIRST_WAIT)
        return results

    def _begin(self, group: Sequence[Ready]) -> None:
        """Committed before the first byte leaves: whatever happens then, it left a trace."""
        begin_handover(
            [ready.send.pk for ready in group],
            token=self.token,
            at=self.clock.now(),
            lease=self.lease,
        )

    def _deliver(self, group: Sequence[Ready], *, following: Sequence[Ready]) -> list[Result]:
        ids = [ready.send.pk for ready in group]
        try:
            with transaction.atomic():
                ours = hold(ids, token=self.token)
                mine = [ready for ready in group if ready.send.pk in ours]
                envelopes = [ready.envelope for ready in mine]
                deliveries = self.backend.deliver(envelopes) if mine else []
                results = list(_results(mine, deliveries, at=self.clock.now()))
                self._record(results, following=following)
                sent = _sent(mine, results)
                behaviour.sent(sent, source=self.source, at=self.clock.now())
        except BaseException:
            doubt(ids, token=self.token, ask_after=min(self.lease, ASK_AFTER))
            raise
        return results

    def _record(self, results: Sequence[Result], *, following: Sequence[Ready]) -> None:
        """Store what became of a group and mark the next one."""
        if not following:
            record(results, token=self.token, at=self.clock.now())
            return
        _give_up(results, token=self.token)
        finish_and_begin(
            results,
            [ready.send.pk for ready in following],
            token=self.token,
            at=self.clock.now(),
            lease=self.lease,
        )

    def _give_back(self, emails: Sequence[Ready], *, wait: timedelta) -> list[Result]:
        due_at = self.clock.now() + wait
        rest = [
            Result(ready.send.pk, State.PLANNED, arm=ready.arm, due_at=due_at, is_try=False)
            for ready in emails
        ]
        finish(rest, token=self.token, at=self.clock.now())
        return rest


def backoff(attempts: int) -> timedelta:
    """Wait 30 seconds after the first try, then twice as long each time, at most an hour."""
    doublings = min(max(0, attempts - 1), MAX_ATTEMPTS)
    return min(FIRST_WAIT * (1 << doublings), timedelta(hours=1))


def record(results: Sequence[Result], *, token: uuid.UUID, at: datetime) -> None:
    """Store what became of rows we hold."""
    with transaction.atomic(savepoint=False):
        _give_up(results, token=token)
        finish(results, token=token, at=at)


def _give_up(results: Sequence[Result], *, token: uuid.UUID) -> None:
    """Who gets no mail after all gives back what it reserved."""
    unsent = [result.send_id for result in results if result.state in (State.FAILED, State.SKIPPED)]
    if unsent:
        frequency.give_back(unsent, token=token)
        reserve.release(message_keys(unsent, token=token))


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
