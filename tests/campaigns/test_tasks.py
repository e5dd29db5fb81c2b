"""The Celery doors: one call each, harmless when doubled or missed."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from campaigns import tasks
from campaigns.models import Campaign, Conversion, Send
from campaigns.sending import lifecycle
from config.celery import app
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher
from tests.campaigns.sending_support import (
    State,
    caught,
    end_leases,
    handing_over,
    states,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _to_catcher(catcher: RunningCatcher, settings: Settings) -> None:
    settings.EMAIL_URL = catcher.url


@pytest.fixture(autouse=True)
def _tasks_run_at_once() -> Iterator[None]:
    app.set_default()
    app.conf.task_always_eager, app.conf.task_eager_propagates = True, True
    yield
    app.conf.task_always_eager = False


def launched(people: int) -> Campaign:
    now = timezone.now()
    make.people(people, at=now)
    campaign = make.campaign(now=now)
    lifecycle.launch(campaign, now=now)
    return campaign


def test_one_tick_sends_all_that_is_due_chunk_after_chunk_and_closes_the_campaign(
    settings: Settings,
    catcher: RunningCatcher,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.ATTUNE_CHUNK_SIZE = 4
    campaign = launched(10)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.send_due()

    campaign.refresh_from_db()
    assert campaign.status == "sent"
    assert states(campaign) == {State.SENT: 10}
    assert len(caught(catcher)) == 10


def test_doubled_ticks_send_nothing_twice(
    catcher: RunningCatcher, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    campaign = launched(3)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.send_due()
        tasks.send_due()
        tasks.send_next_chunk(campaign.pk)

    assert len(caught(catcher)) == 3


def test_campaign_deleted_before_its_task_ran_is_no_error() -> None:
    tasks.send_next_chunk(999_999)


def test_reconcile_settles_through_the_catcher(catcher: RunningCatcher) -> None:
    campaign = launched(2)
    handing_over(campaign, [send.pk for send in Send.objects.all()])
    end_leases()

    tasks.reconcile_unknown()

    assert states(campaign) == {State.PLANNED: 2}


def test_new_orders_are_claimed_every_time_and_each_once() -> None:
    now = timezone.now()
    subject = make.person(at=now)
    send = make.send(make.campaign(now=now), subject, sent_at=now)
    make.order(subject, make.product(), at=timezone.now())

    tasks.attribute_orders()
    tasks.attribute_orders()

    assert Conversion.objects.get().send == send


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()

    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
