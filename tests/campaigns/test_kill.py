"""`kill -9` of workers in mid-campaign: nothing lost, nothing twice, UNKNOWN ends at 0."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from campaigns.models import Campaign, Send
from tests.campaigns import kill_storm
from tests.campaigns.delivery_support import RunningCatcher, running_catcher
from tests.campaigns.kill_storm import State, Storm, Worker

pytestmark = [
    pytest.mark.long,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(sys.platform != "linux", reason="finds the workers' processes in /proc"),
]
REFUSING = 10


def check(campaign: Campaign, catcher: RunningCatcher, storm: Storm, *, people: int) -> None:
    """Compare what is recorded with what the witness has."""
    states = Counter(Send.objects.filter(campaign=campaign).values_list("state", flat=True))
    sent = Send.objects.filter(campaign=campaign, state=State.SENT)
    arrived = kill_storm.arrived(catcher)
    sys.stdout.write(f"\n{storm}; states {dict(states)}; {arrived.total()} mails arrived\n")
    assert storm.in_handover * 3 >= storm.kills
    assert states == {State.SENT: people - REFUSING, State.SKIPPED: REFUSING}
    assert max(arrived.values()) == 1
    assert set(arrived) == {str(key) for key in sent.values_list("message_key", flat=True)}


def test_nine_kills_lose_nothing_and_send_nothing_twice(tmp_path: Path) -> None:
    people, chance, storm = 240, random.Random(20), Storm()
    campaign = kill_storm.launched(people, refusing=REFUSING)
    with running_catcher(tmp_path / "mailbox", delay_ms=30) as catcher:
        surroundings = kill_storm.environment(catcher)
        worker = Worker(surroundings=surroundings, log=tmp_path / "worker.log")
        try:
            for number in range(9):
                kill_storm.tick(campaign, catcher, storm)
                kill_storm.choose_moment(number, chance=chance, storm=storm)
                kill_storm.kill(worker, storm)
                worker.revive()
            kill_storm.finish(campaign, catcher, storm, worker=worker, seconds=240)
        finally:
            worker.kill_all()
        check(campaign, catcher, storm, people=people)


@pytest.mark.prove
def test_many_kills_of_children_and_of_whole_workers(tmp_path: Path) -> None:
    people, chance, storm = 2_000, random.Random(21), Storm()
    campaign = kill_storm.launched(people, refusing=REFUSING)
    with running_catcher(tmp_path / "mailbox", delay_ms=30) as catcher:
        surroundings = kill_storm.environment(catcher)
        worker = Worker(surroundings=surroundings, log=tmp_path / "worker.log")
        try:
            for number in range(60):
                kill_storm.tick(campaign, catcher, storm)
                kill_storm.choose_moment(number, chance=chance, storm=storm)
                if number % 10 == 9:
                    worker.kill_all()
                    kill_storm.note(storm)
                else:
                    kill_storm.kill(worker, storm)
                worker.revive()
            kill_storm.finish(campaign, catcher, storm, worker=worker, seconds=300)
        finally:
            worker.kill_all()
        check(campaign, catcher, storm, people=people)
