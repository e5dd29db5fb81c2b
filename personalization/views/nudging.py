"""Wake a worker for what was just accepted, now and then instead of for every request."""

import logging
from time import monotonic

from celery import Celery, current_app
from kombu.exceptions import OperationalError

# By name: a web process has no use for what the tasks import.
TASK = "personalization.tasks.apply_inbox"

EVERY_SECONDS = 0.25
# A broker that is away is asked again later: events wait in the database, and beat wakes, too.
AWAY_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Nudge:
    """At most one message to the broker in each quarter of a second of this process."""

    def __init__(self, app: Celery | None = None) -> None:
        self._app = app
        self._not_before = 0.0

    def give(self) -> None:
        if monotonic() < self._not_before:
            return
        self._not_before = monotonic() + EVERY_SECONDS
        try:
            # The task starts when the silence ends, so it sees all that was accepted in it.
            (self._app or current_app).send_task(
                TASK, countdown=EVERY_SECONDS, retry=False, ignore_result=True
            )
        except OperationalError:
            self._not_before = monotonic() + AWAY_SECONDS
            logger.warning("no worker was woken: the broker does not answer")


nudge = Nudge()
