"""`send_campaign` run again, interrupted, dry, beside another: nobody gets a mail twice."""

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from campaigns.models import Campaign, FrequencyCounter, Send
from campaigns.sending import lifecycle
from consent.models import Job
from personalization.models import Receipt, SegmentMembership
from personalization.segments import membership
from tests.campaigns import factories as make
from tests.campaigns import kill_storm
from tests.campaigns.delivery_support import ROOT, RunningCatcher, running_catcher
from tests.campaigns.sending_support import State, caught, handing_over, states


@pytest.fixture
def campaign(db: None) -> Campaign:
    now = timezone.now()
    make.people(25, at=now)
    return make.campaign(now=now)


@pytest.fixture
def _to_catcher(catcher: RunningCatcher, settings: Settings) -> None:
    settings.EMAIL_URL = catcher.url
    settings.ATTUNE_LEASE_SECONDS = 2


def send(*options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("send_campaign", "spring", "--json", *options, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.mark.usefixtures("_to_catcher")
def test_first_run_sends_to_everybody_and_the_second_to_nobody(
    campaign: Campaign, catcher: RunningCatcher
) -> None:
    first, second = send(), send()

    assert (first["planned"], first["sent"]) == (25, 25)
    assert (second["planned"], second["sent"]) == (0, 0)
    assert len(caught(catcher)) == 25
    campaign.refresh_from_db()
    assert campaign.status == "sent"


@pytest.mark.usefixtures("_to_catcher")
def test_who_came_in_since_gets_the_mail_in_the_second_run(
    campaign: Campaign, catcher: RunningCatcher
) -> None:
    send()
    make.person(99, at=timezone.now())

    assert send()["sent"] == 1
    assert len(caught(catcher)) == 26


@pytest.mark.usefixtures("_to_catcher")
def test_dry_run_says_whom_it_would_reach_and_changes_nothing(campaign: Campaign) -> None:
    membership.rebuild(campaign.segments.get(), now=timezone.now())
    tables = (Send, Receipt, Job, FrequencyCounter, SegmentMembership)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    answer = send("--dry-run")

    assert answer == {"reached": 25, "skipped": {}}
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    assert Campaign.objects.get().status == "draft"


@pytest.mark.usefixtures("_to_catcher")
def test_run_after_a_crash_waits_for_the_lease_and_sends_the_rest(
    campaign: Campaign, catcher: RunningCatcher
) -> None:
    lifecycle.launch(campaign, now=timezone.now())
    ids = list(Send.objects.order_by("pk").values_list("pk", flat=True))
    handing_over(campaign, ids[:3])
    Send.objects.filter(pk__in=ids[3:6]).update(state=State.CLAIMED, lease_until=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_send SET lease_until = clock_timestamp() + interval '1 second'"
            " WHERE lease_until IS NOT NULL"
        )

    send()

    assert states(campaign) == {State.SENT: 25}
    assert len(caught(catcher)) == 25


def test_unknown_campaign_is_an_error_that_names_it(db: None) -> None:
    with pytest.raises(CommandError, match="“nothing”"):
        call_command("send_campaign", "nothing")


def test_campaign_that_is_not_ready_is_an_error_that_says_what_is_missing(
    campaign: Campaign,
) -> None:
    campaign.segments.clear()

    with pytest.raises(CommandError, match="segment"):
        send()


def test_server_that_is_down_is_an_error_and_leaves_all_planned(
    campaign: Campaign, settings: Settings
) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1?timeout=1"

    with pytest.raises(CommandError, match="Run it again to go on"):
        send()

    assert states(campaign) == {State.PLANNED: 25}
    assert Job.objects.get().state == Job.State.DONE


@pytest.mark.usefixtures("_to_catcher")
def test_paused_campaign_stops_a_run_and_says_so(campaign: Campaign, settings: Settings) -> None:
    settings.ATTUNE_CHUNK_SIZE = 10
    run = lifecycle.launch(campaign, now=timezone.now())
    assert run.planned == 25
    with connection.cursor() as cursor:
        # Paused from the admin at the moment the first chunk is done.
        cursor.execute(
            """
            CREATE FUNCTION pause_spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                UPDATE campaigns_campaign SET status = 'paused'; RETURN NULL; END $$;
            CREATE TRIGGER pause_spring AFTER INSERT ON personalization_receipt
                FOR EACH STATEMENT EXECUTE FUNCTION pause_spring();
            """
        )

    with pytest.raises(CommandError, match="paused"):
        send()

    assert states(campaign) == {State.SENT: 10, State.PLANNED: 15}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_ctrl_c_in_the_middle_and_another_run_reach_everybody_once(tmp_path: Path) -> None:
    campaign = kill_storm.launched(120, refusing=0)
    with running_catcher(tmp_path / "mailbox", delay_ms=30) as catcher:
        surroundings = kill_storm.environment(catcher)
        first = _start(surroundings)
        _wait_until_some_are_sent(campaign)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=180)
        after_first = states(campaign)

        second = _start(surroundings | {"EMAIL_URL": f"{catcher.url}&timeout=0.19"})
        printed, errors = second.communicate(timeout=180)

        assert first.returncode != 0
        assert after_first[State.SENT] < 120
        assert State.CLAIMED not in after_first
        assert second.returncode == 0, errors
        assert json.loads(printed)["sent"] + after_first[State.SENT] == 120
        assert states(campaign) == {State.SENT: 120}
        assert len(caught(catcher)) == 120


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_runs_at_the_same_time_share_the_work(tmp_path: Path) -> None:
    campaign = kill_storm.launched(120, refusing=0)
    with running_catcher(tmp_path / "mailbox") as catcher:
        surroundings = kill_storm.environment(catcher)
        runs = [_start(surroundings) for _ in range(2)]
        for run in runs:
            _, errors = run.communicate(timeout=180)
            assert run.returncode == 0, errors

        assert states(campaign) == {State.SENT: 120}
        assert len(caught(catcher)) == 120


def _start(surroundings: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "send_campaign", "spring", "--json"],
        cwd=ROOT,
        env=os.environ | surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_until_some_are_sent(campaign: Campaign) -> None:
    end = time.monotonic() + 120
    while State.SENT not in states(campaign):
        assert time.monotonic() < end
        time.sleep(0.05)
