"""Handing over to real SMTP servers that fail: nothing lost, nothing twice, one alone if one."""

import re
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from campaigns.delivery.base import Delivery, Envelope, get_backend
from campaigns.models import Campaign, Send
from campaigns.sending import handover, lifecycle, pipeline, reconcile
from campaigns.sending.states import (
    Result,
    begin_handover,
    finish,
    finish_and_begin,
    hold,
    release,
)
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher, running_catcher
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import (
    State,
    caught,
    end_leases,
    end_waiting,
    scripted,
    states,
)
from tests.campaigns.smtp_server import CLOSE, RESET, SILENCE, Script

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=300)
DEAD = "smtp://127.0.0.1:1?timeout=1"


def launched(people: int = 1) -> Campaign:
    make.people(people)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    return campaign


class Explained:
    """The plan of each statement that was run."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(
        self, run: Callable[..., object], sql: str, params: object, many: bool, context: object
    ) -> object:
        with connection.connection.cursor() as cursor:
            # The table is tiny here: without this, reading all of it would be the best plan.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", params)
            self.plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return run(sql, params, many, context)


def keys(contents: Sequence[bytes]) -> list[str]:
    found = [re.search(rb"X-Attune-Message-Key: (\S+)", content) for content in contents]
    return [match[1].decode() for match in found if match]


def claimed(count: int) -> tuple[uuid.UUID, list[Send]]:
    campaign, token = launched(count), uuid.uuid4()
    sends = Send.objects.claim(
        campaign_id=campaign.pk, token=token, limit=count, at=NOON, lease=LEASE
    )
    return token, sends


def test_server_that_is_down_leaves_everything_planned_and_the_page_says_why() -> None:
    campaign = launched(3)

    result = pipeline.run_chunk(campaign, backend=get_backend(DEAD), now=NOON)

    campaign.refresh_from_db()
    assert result.taken == 0
    assert states(campaign) == {State.PLANNED: 3}
    assert "127.0.0.1:1" in campaign.problem
    assert set(Send.objects.values_list("attempts", "due_at")) == {(0, NOON)}


def test_campaign_goes_on_when_the_server_is_back_and_the_problem_is_gone(
    catcher: RunningCatcher,
) -> None:
    campaign = launched(3)
    pipeline.run_chunk(campaign, backend=get_backend(DEAD), now=NOON)

    pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=NOON)

    campaign.refresh_from_db()
    assert states(campaign) == {State.SENT: 3}
    assert campaign.problem == ""
    assert len(caught(catcher)) == 3


def test_connection_that_ends_in_the_middle_of_a_group_puts_off_the_rest_of_it_only() -> None:
    campaign = launched(50)
    with scripted(Script(close_after_contents=25)) as (server, backend):
        first = pipeline.run_chunk(campaign, backend=backend, now=NOON)
        assert first.counts == {State.SENT: 35, State.PLANNED: 15}

        due = Send.objects.filter(state=State.PLANNED).values_list("due_at", flat=True)
        assert all(at > NOON for at in due)
        server.script.close_after_contents = None
        end_waiting()
        while pipeline.run_chunk(campaign, backend=backend, now=NOON).taken:
            pass

        assert states(campaign) == {State.SENT: 50}
        assert len(set(keys(server.contents))) == len(server.contents) == 50


def test_server_killed_between_two_groups_leaves_a_problem_and_loses_nothing(
    tmp_path: Path,
) -> None:
    campaign = launched(60)
    with running_catcher(tmp_path / "mailbox") as catcher:
        backend = get_backend(f"{catcher.url}&timeout=1")
        dying = Dying(backend.deliver, after_groups=1, die=catcher.process.kill)
        first = pipeline.run_chunk(campaign, backend=dying, now=NOON)
        again = pipeline.run_chunk(campaign, backend=backend, now=NOON)
    campaign.refresh_from_db()
    assert first.counts == {State.SENT: 20, State.PLANNED: 40}
    assert campaign.problem == again.problem != ""
    end_waiting()
    with running_catcher(tmp_path / "mailbox") as catcher:
        pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=NOON)
        assert states(campaign) == {State.SENT: 60}
        assert len(caught(catcher)) == 60


class Dying(MemoryBackend):
    """A real backend whose server dies after some groups."""

    def __init__(
        self,
        deliver: Callable[[Sequence[Envelope]], list[Delivery]],
        *,
        after_groups: int,
        die: Callable[[], None],
    ) -> None:
        super().__init__()
        self.left, self.inner, self.die = after_groups, deliver, die

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        if self.left == 0:
            self.die()
        self.left -= 1
        return self.inner(envelopes)


def test_one_refused_recipient_fails_alone() -> None:
    campaign = launched(5)
    script = Script(rcpt={"anna3@example.com": "550 5.1.1 anna3@example.com unknown"})

    with scripted(script) as (server, backend):
        pipeline.run_chunk(campaign, backend=backend, now=NOON)

    failed = Send.objects.get(state=State.FAILED)
    assert (failed.reason, failed.detail) == ("refused", "RCPT TO answered with 550 5.1.1")
    assert states(campaign) == {State.SENT: 4, State.FAILED: 1}
    assert len(server.contents) == 4


def test_recipient_put_off_is_tried_again_later_and_not_before() -> None:
    campaign = launched(3)
    script = Script(rcpt={"anna2@example.com": "451 4.7.1 try again"})

    with scripted(script) as (server, backend):
        pipeline.run_chunk(campaign, backend=backend, now=NOON)
        waiting = Send.objects.get(state=State.PLANNED)
        early = pipeline.run_chunk(campaign, backend=backend, now=NOON + timedelta(seconds=25))
        server.script.rcpt = {}
        later = pipeline.run_chunk(campaign, backend=backend, now=NOON + timedelta(seconds=40))

    assert waiting.due_at >= NOON + handover.FIRST_WAIT
    assert (early.taken, later.counts) == (0, {State.SENT: 1})


def test_recipient_put_off_for_ever_is_given_up_and_gives_its_place_back() -> None:
    campaign = launched()
    script = Script(rcpt={"anna1@example.com": "451 4.7.1 try again"})

    with scripted(script) as (_, backend):
        for _ in range(handover.MAX_ATTEMPTS):
            end_waiting()
            pipeline.run_chunk(campaign, backend=backend, now=NOON)

    send = Send.objects.get()
    assert (send.state, send.reason, send.attempts) == (State.FAILED, "gave_up", 8)
    assert not send.is_counted


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (99, 3600)]
)
def test_waits_grow_up_to_an_hour(attempts: int, seconds: int) -> None:
    assert handover.backoff(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize("how", [RESET, CLOSE, SILENCE])
def test_lost_answer_after_the_final_dot_is_unknown_and_never_resent_over_plain_smtp(
    how: str,
) -> None:
    campaign = launched(3)

    with scripted(Script(content={1: how}), timeout=0.5) as (server, backend):
        pipeline.run_chunk(campaign, backend=backend, now=NOON)
        doubtful = Send.objects.get(state=State.UNKNOWN)
        assert doubtful.lease_until is not None
        for _ in range(3):
            end_leases()
            end_waiting()
            reconcile.reconcile(backend=backend, now=NOON)
            pipeline.run_chunk(campaign, backend=backend, now=NOON)

        assert states(campaign) == {State.SENT: 2, State.UNKNOWN: 1}
        assert len(set(keys(server.contents))) == len(server.contents) == 3


def test_lost_answer_is_settled_by_the_catchers_own_word(tmp_path: Path) -> None:
    campaign = launched(2)
    with running_catcher(tmp_path / "mailbox", delay_ms=600) as catcher:
        # The first mail's answer comes too late: it is kept after 0.3 s, answered after 0.6 s.
        backend = get_backend(f"{catcher.url}&timeout=0.45")
        pipeline.run_chunk(campaign, backend=backend, now=NOON)
        assert State.UNKNOWN in states(campaign)
        assert State.SENT not in states(campaign)

        end_leases()
        reconcile.reconcile(backend=backend, now=NOON)

        assert states(campaign) == {State.SENT: 1, State.PLANNED: 1}
        assert len(caught(catcher)) == 1


def test_rows_whose_lease_ran_out_are_not_handed_over() -> None:
    token, sends = claimed(3)
    Send.objects.filter(pk=sends[0].pk).update(lease_until=Now() - timedelta(seconds=1))
    ids = [send.pk for send in sends]

    begin_handover(ids, token=token, at=NOON, lease=LEASE)

    assert hold(ids, token=token) == {sends[1].pk, sends[2].pk}
    assert Send.objects.get(pk=sends[0].pk).state == State.CLAIMED


def test_rows_of_another_worker_are_neither_marked_nor_held_nor_released() -> None:
    token, sends = claimed(2)
    ids, stranger = [send.pk for send in sends], uuid.uuid4()

    begin_handover(ids, token=stranger, at=NOON, lease=LEASE)
    release(ids, token=stranger, due_at=NOON)

    assert hold(ids, token=stranger) == set()
    assert set(Send.objects.values_list("state", "lease_token")) == {(State.CLAIMED, token)}


def test_rows_of_a_group_are_found_by_id_and_not_among_all_that_are_leased() -> None:
    token, sends = claimed(3)
    # So many that reading an index of all rows in their state would look cheaper.
    ids = [send.pk for send in sends] * 100

    with connection.execute_wrapper(explained := Explained()):
        begin_handover(ids, token=token, at=NOON, lease=LEASE)
        hold(ids, token=token)

    assert len(explained.plans) == 2
    assert all("campaigns_send_pkey" in plan for plan in explained.plans)


def test_one_statement_stores_a_group_and_marks_what_is_still_ours_of_the_next() -> None:
    token, sends = claimed(4)
    done, ours, lapsed, strange = [send.pk for send in sends]
    begin_handover([done], token=token, at=NOON, lease=LEASE)
    Send.objects.filter(pk=lapsed).update(lease_until=Now() - timedelta(seconds=1))
    Send.objects.filter(pk=strange).update(lease_token=uuid.uuid4())

    finish_and_begin(
        [Result(done, State.SENT)], [ours, lapsed, strange], token=token, at=NOON, lease=LEASE
    )

    assert dict(Send.objects.values_list("pk", "state")) == {
        done: State.SENT,
        ours: State.HANDING_OVER,
        lapsed: State.CLAIMED,
        strange: State.CLAIMED,
    }
    assert Send.objects.get(pk=ours).handed_over_at == NOON


def test_next_group_is_marked_although_nothing_of_the_last_one_was_ours() -> None:
    token, (send,) = claimed(1)

    finish_and_begin([], [send.pk], token=token, at=NOON, lease=LEASE)

    assert hold([send.pk], token=token) == {send.pk}


def test_worker_that_lost_its_lease_cannot_overwrite_who_took_the_row_over() -> None:
    token, (send,) = claimed(1)
    end_leases()
    reconcile.reconcile(backend=MemoryBackend(), now=NOON)
    newer = uuid.uuid4()
    Send.objects.claim(campaign_id=send.campaign_id, token=newer, limit=1, at=NOON, lease=LEASE)

    stored = finish([Result(send.pk, State.FAILED)], token=token, at=NOON)

    send.refresh_from_db()
    assert stored == 0
    assert (send.state, send.lease_token) == (State.CLAIMED, newer)


def test_no_more_rows_are_taken_than_asked_whatever_the_plan() -> None:
    """A join that runs the limited part once per row would pass over the rows it took."""
    campaign = launched(25)
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "material", "memoize", "hashagg", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")

    taken = Send.objects.claim(
        campaign_id=campaign.pk, token=uuid.uuid4(), limit=10, at=NOON, lease=LEASE
    )

    assert len(taken) == 10
    assert states(campaign) == {State.CLAIMED: 10, State.PLANNED: 15}


def test_marked_row_that_was_doubted_before_delivery_is_not_delivered() -> None:
    """A worker that slept between mark and delivery longer than its lease."""
    token, (send,) = claimed(1)
    begin_handover([send.pk], token=token, at=NOON, lease=LEASE)
    end_leases()

    assert hold([send.pk], token=token) == set()


class Stealing(MemoryBackend):
    """While the first group is delivered, another worker takes over the rows that follow."""

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        Send.objects.filter(state=State.CLAIMED).update(lease_token=uuid.uuid4())
        return super().deliver(envelopes)


def test_rows_lost_in_the_middle_of_a_chunk_are_not_handed_over() -> None:
    campaign, backend = launched(50), Stealing()

    result = pipeline.run_chunk(campaign, backend=backend, now=NOON)

    assert result.counts == {State.SENT: 20}
    assert len(backend.outbox) == 20
    assert states(campaign) == {State.SENT: 20, State.CLAIMED: 30}


class Slow(MemoryBackend):
    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        time.sleep(1.1)
        return super().deliver(envelopes)


def test_server_so_slow_that_half_the_lease_is_over_gives_the_rest_back_at_once(
    settings: Settings,
) -> None:
    # Two groups take longer than half of it; one does not, on a busy machine either.
    settings.ATTUNE_LEASE_SECONDS = 3
    campaign = launched(60)

    backend = Slow()
    first = pipeline.run_chunk(campaign, backend=backend, now=NOON)
    while pipeline.run_chunk(campaign, backend=backend, now=NOON + timedelta(seconds=60)).taken:
        pass

    assert first.counts == {State.SENT: 40, State.PLANNED: 20}
    assert states(campaign) == {State.SENT: 60}
    assert len({e.message_key for e in backend.outbox}) == len(backend.outbox) == 60
    assert set(Send.objects.values_list("attempts", flat=True)) == {1}
