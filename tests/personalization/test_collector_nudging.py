"""Workers are woken now and then, and a broker that is away stops nobody."""

import logging
import time

import pytest
from celery import Celery

from personalization.tasks import apply_inbox
from personalization.views import nudging
from personalization.views.nudging import Nudge


def waiting(app: Celery) -> int:
    with app.connection_for_write() as connection:
        size: int = connection.SimpleQueue("celery").qsize()
    return size


def test_the_task_is_one_of_ours() -> None:
    assert apply_inbox.name == nudging.TASK


def test_many_requests_wake_a_worker_once() -> None:
    app = Celery("nudged", broker="memory://", set_as_current=False)
    nudge = Nudge(app)

    for _ in range(5):
        nudge.give()

    assert waiting(app) == 1


def test_later_requests_wake_again() -> None:
    app = Celery("nudged-again", broker="memory://", set_as_current=False)
    nudge = Nudge(app)
    before = waiting(app)

    nudge.give()
    time.sleep(nudging.EVERY_SECONDS + 0.01)
    nudge.give()

    assert waiting(app) - before == 2


def test_a_broker_that_is_away_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    nudge = Nudge(app)

    with caplog.at_level(logging.WARNING):
        nudge.give()
        nudge.give()

    assert [record.message for record in caplog.records if record.name == nudging.__name__] == [
        "no worker was woken: the broker does not answer"
    ]
