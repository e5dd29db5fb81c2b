"""After a worker's death: nothing lost, nothing resent blindly, nobody alive is doubted."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, pipeline, reconcile
from campaigns.sending.states import hold
from consent.models import DataSubject
from personalization.models import InboxEvent
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import (
    State,
    end_leases,
    handing_over,
    states,
    together,
)

pytestmark = pytest.mark.django_db


class Silent(MemoryBackend):
    """A provider that cannot be asked, as plain SMTP."""

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool] | None:
        return None


class Knowing(MemoryBackend):
    """A provider that knows some keys, and says nothing of others."""

    def __init__(self, answers: Mapping[str, bool]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[str] = []

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool] | None:
        self.asked += message_keys
        return {key: self.answers[key] for key in message_keys if key in self.answers}


def launched(count: int = 1) -> tuple[Campaign, list[Send]]:
    make.people(count)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    return campaign, list(Send.objects.order_by("pk"))


def test_claimed_row_whose_lease_ran_out_is_planned_again() -> None:
    _, (send,) = launched()
    Send.objects.update(state=State.CLAIMED, lease_until=Now() - timedelta(seconds=1))

    result = reconcile.reconcile(backend=MemoryBackend(), now=NOON)

    assert result.returned == 1
    send.refresh_from_db()
    assert (send.state, send.lease_token, send.lease_until) == (State.PLANNED, None, None)


def test_row_whose_lease_still_runs_is_left_alone() -> None:
    campaign, sends = launched(3)
    claimed, over, unknown = (send.pk for send in sends)
    until = Now() + timedelta(seconds=60)
    Send.objects.filter(pk=claimed).update(state=State.CLAIMED, lease_until=until)
    Send.objects.filter(pk=over).update(state=State.HANDING_OVER, lease_until=until)
    Send.objects.filter(pk=unknown).update(state=State.UNKNOWN, lease_until=until)
    backend = Knowing({})

    # The caller's own clock is a year ahead: leases are read on the database's clock alone.
    reconcile.reconcile(backend=backend, now=NOON + timedelta(days=3650))

    assert states(campaign) == {State.CLAIMED: 1, State.HANDING_OVER: 1, State.UNKNOWN: 1}
    assert backend.asked == []


def test_what_arrived_is_sent_at_the_time_of_its_hand_over() -> None:
    campaign, (send,) = launched()
    handing_over(campaign, [send.pk])
    end_leases()

    result = reconcile.reconcile(backend=Knowing({str(send.message_key): True}), now=NOON)

    assert (result.confirmed, result.resent, result.unknown) == (1, 0, 0)
    send.refresh_from_db()
    assert send.state == State.SENT
    assert send.sent_at == send.handed_over_at is not None
    assert InboxEvent.objects.get().message_id == f"{send.message_key}:sent"


def test_what_did_not_arrive_is_planned_again_under_the_same_key() -> None:
    campaign, (send,) = launched()
    handing_over(campaign, [send.pk])
    end_leases()

    result = reconcile.reconcile(backend=Knowing({str(send.message_key): False}), now=NOON)

    assert result.resent == 1
    backend = MemoryBackend()
    pipeline.run_chunk(campaign, backend=backend, now=NOON)
    assert [envelope.message_key for envelope in backend.outbox] == [str(send.message_key)]


def test_what_the_provider_says_nothing_of_stays_unknown_and_keeps_the_campaign_open() -> None:
    campaign, (send,) = launched()
    handing_over(campaign, [send.pk])
    end_leases()

    result = reconcile.reconcile(backend=Knowing({}), now=NOON)

    assert result.unknown == 1
    assert states(campaign) == {State.UNKNOWN: 1}
    assert lifecycle.finish(now=NOON) == 0


def test_provider_that_cannot_tell_leaves_it_unknown_for_good_and_resends_nothing() -> None:
    campaign, (send,) = launched()
    handing_over(campaign, [send.pk])
    end_leases()

    reconcile.reconcile(backend=Silent(), now=NOON)
    again = reconcile.reconcile(backend=Knowing({str(send.message_key): False}), now=NOON)

    assert states(campaign) == {State.UNKNOWN: 1}
    assert again.resent == 0
    assert lifecycle.finish(now=NOON) == 1


def test_lost_answer_is_asked_about_only_after_its_lease() -> None:
    _, (send,) = launched()
    Send.objects.update(state=State.UNKNOWN, lease_until=Now() + timedelta(seconds=30))
    backend = Knowing({str(send.message_key): False})

    early = reconcile.reconcile(backend=backend, now=NOON)
    end_leases()
    late = reconcile.reconcile(backend=backend, now=NOON)

    assert (early.resent, late.resent) == (0, 1)


def test_settled_rows_are_never_touched() -> None:
    _, sends = launched(4)
    past = Now() - timedelta(days=1)
    for send, state in zip(sends, ("sent", "failed", "skipped", "held"), strict=True):
        Send.objects.filter(pk=send.pk).update(state=state, lease_until=past)
    before = list(Send.objects.order_by("pk").values())

    reconcile.reconcile(backend=Knowing({}), now=NOON)

    assert list(Send.objects.order_by("pk").values()) == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_row_that_a_living_worker_holds_is_not_doubted_however_late_it_is() -> None:
    """A mail server so slow that the lease runs out in the middle: the worker is still at it."""
    campaign, sends = launched(2)
    ids = [send.pk for send in sends]
    token = handing_over(campaign, ids)
    Send.objects.update(lease_until=Now() + timedelta(seconds=0.5))
    backend = Knowing({str(send.message_key): False for send in sends})

    with transaction.atomic():
        assert hold(ids, token=token) == set(ids)
        time.sleep(0.6)
        (during,) = together(lambda: impatient(backend))
    (after,) = together(lambda: impatient(backend))

    assert during == reconcile.Reconciled(returned=0, confirmed=0, resent=0, unknown=0)
    assert after.resent == 2


def impatient(backend: MemoryBackend) -> reconcile.Reconciled:
    """Reconcile without ever waiting for a lock: a worker may hold it for minutes."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
    return reconcile.reconcile(backend=backend, now=NOON)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_reconcilers_settle_each_row_once() -> None:
    campaign, sends = launched(10)
    handing_over(campaign, [send.pk for send in sends])
    end_leases()
    backend = Knowing({str(send.message_key): True for send in sends})

    results = together(*(lambda: reconcile.reconcile(backend=backend, now=NOON) for _ in range(4)))

    assert sum(result.confirmed for result in results) == len(sends)
    assert states(campaign) == {State.SENT: len(sends)}
    assert InboxEvent.objects.count() == len(sends)


def test_reconciled_person_keeps_the_place_of_the_week() -> None:
    campaign, (send,) = launched()
    subject = DataSubject.objects.get()
    pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)
    handing_over(campaign, [send.pk])
    end_leases()

    reconcile.reconcile(backend=Knowing({str(send.message_key): False}), now=NOON)
    pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    assert subject.frequencycounter.count == 1
