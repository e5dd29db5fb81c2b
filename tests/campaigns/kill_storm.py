"""Real workers that are killed at random moments, a real catcher as the witness."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.delivery import mailbox
from campaigns.delivery.base import get_backend
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle
from campaigns.sending.reconcile import reconcile
from campaigns.tasks import send_due
from consent import ledger
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import ROOT, RunningCatcher

State = Send.State
LEASE_SECONDS = 4
# 21 waits of this have to fit into the lease.
TIMEOUT_SECONDS = 0.19
CHUNK = 40


@dataclass(slots=True)
class Storm:
    """What happened; `in_handover` counts the kills that left rows behind in HANDING_OVER."""

    kills: int = 0
    in_handover: int = 0
    resent: int = 0
    confirmed: int = 0
    returned: int = 0
    seen: set[uuid.UUID | None] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.in_handover} of them while rows were HANDING_OVER; "
            f"reconciled: {self.returned} returned, {self.confirmed} had arrived, "
            f"{self.resent} had not"
        )


def url_of_test_database() -> str:
    """The address of the database of this test, for processes of its own."""
    address, _, options = os.environ["DATABASE_URL"].partition("?")
    name = connection.settings_dict["NAME"]
    return f"{address.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


def environment(catcher: RunningCatcher) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": url_of_test_database(),
        "REDIS_URL": str(settings.REDIS_URL),
        "ATTUNE_DEMO": "1",
        "ATTUNE_LEASE_SECONDS": str(LEASE_SECONDS),
        "ATTUNE_CHUNK_SIZE": str(CHUNK),
        "EMAIL_URL": mail_url(catcher),
    }


def mail_url(catcher: RunningCatcher) -> str:
    return f"{catcher.url}&timeout={TIMEOUT_SECONDS}"


def launched(people: int, *, refusing: int) -> Campaign:
    """A campaign planned for people of whom some take their consent back before it is sent."""
    now = timezone.now()
    subjects = make.people(people, at=now)
    campaign = make.campaign(now=now)
    lifecycle.launch(campaign, now=now)
    for subject in subjects[:refusing]:
        ledger.withdraw(subject, purpose="email_marketing", source="test", at=now)
    return campaign


class Worker:
    """A Celery worker with two processes, in a session of its own."""

    def __init__(self, *, surroundings: dict[str, str], log: Path) -> None:
        self._surroundings, self._log = surroundings, log
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [str(Path(sys.executable).with_name("celery")), "-A", "config.celery", "worker"]
        options = ["--concurrency", "2", "--loglevel", "error", "--without-mingle"]
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [*command, *options, "--without-gossip"],
                cwd=ROOT,
                env=self._surroundings,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start it again where it gave up: Celery ends if its children die while it starts."""
        if self.process.poll() is not None:
            self.process = self._start()

    def children(self) -> list[int]:
        pid = self.process.pid
        try:
            return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the parent from starting new children."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    def kill_children(self) -> None:
        for pid in self.children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def kill(worker: Worker, storm: Storm) -> None:
    """Kill both processes of a worker; notice whether that left new rows in HANDING_OVER."""
    with worker.frozen():
        victims = worker.children()
        worker.kill_children()
        while any(_is_running(pid) for pid in victims):
            time.sleep(0.002)
        note(storm)


def note(storm: Storm) -> None:
    left = set(handing_over().values_list("lease_token", flat=True))
    storm.kills += 1
    storm.in_handover += bool(left - storm.seen)
    storm.seen |= left


def handing_over() -> QuerySet[Send]:
    return Send.objects.filter(state=State.HANDING_OVER)


def tick(campaign: Campaign, catcher: RunningCatcher, storm: Storm) -> None:
    """Do what beat does every few seconds, and let the waits after a refusal be over."""
    now = timezone.now()
    found = reconcile(backend=get_backend(mail_url(catcher)), now=now)
    storm.returned += found.returned
    storm.confirmed += found.confirmed
    storm.resent += found.resent
    Send.objects.filter(campaign=campaign, state=State.PLANNED, due_at__gt=now).update(due_at=now)
    for _ in range(2):
        send_due()


def wait_for_handover(storm: Storm, *, seconds: float) -> None:
    """Return as soon as a living worker hands something over; wait longer while mails are due."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < seconds or (waited < 4 * seconds and _is_due()):
        if set(handing_over().values_list("lease_token", flat=True)) - storm.seen:
            return
        time.sleep(0.003)


def _is_due() -> bool:
    return Send.objects.filter(state=State.PLANNED, due_at__lte=timezone.now()).exists()


def choose_moment(number: int, *, chance: random.Random, storm: Storm) -> None:
    """Two kills of three aim at a hand-over; the third comes at any time."""
    if number % 3 == 2:
        time.sleep(chance.uniform(0.0, 0.6))
    else:
        wait_for_handover(storm, seconds=6)
        time.sleep(chance.uniform(0.0, 0.3))


def finish(
    campaign: Campaign,
    catcher: RunningCatcher,
    storm: Storm,
    *,
    worker: Worker,
    seconds: float,
) -> None:
    """Let the worker come to the end; nothing may stay open."""
    end = time.monotonic() + seconds
    while Send.objects.open().filter(campaign=campaign).exists():
        assert time.monotonic() < end, Counter(
            Send.objects.filter(campaign=campaign).values_list("state", flat=True)
        )
        worker.revive()
        tick(campaign, catcher, storm)
        time.sleep(0.4)


def arrived(catcher: RunningCatcher) -> Counter[str]:
    """How often each message key arrived."""
    return Counter(entry.tag for entry in mailbox.entries(catcher.mailbox))


def _is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
