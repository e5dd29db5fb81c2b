"""The weekly limit: exact under competition, nothing lost by a crash, given back when unused."""

import uuid
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns.models import FrequencyCounter, Send
from campaigns.sending import frequency, lifecycle, pipeline
from campaigns.sending.frequency import WINDOW
from consent.models import DataSubject
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import State, states, together

pytestmark = pytest.mark.django_db
LATER = NOON + WINDOW


def sends(subjects: list[DataSubject], *, slug: str = "spring") -> dict[int, int]:
    campaign = make.campaign(slug=slug)
    rows = [make.send(campaign, subject, state=State.CLAIMED) for subject in subjects]
    return {row.pk: row.subject_id for row in rows}


def count_of(subject: DataSubject) -> int:
    return FrequencyCounter.objects.get(subject=subject).count


def test_each_place_of_the_week_is_given_once() -> None:
    subject = make.person()
    first, second, third = (sends([subject], slug=slug) for slug in ("a", "b", "c"))

    taken = [frequency.reserve(s, limit=2, now=NOON) for s in (first, second, third)]

    assert taken == [set(first), set(second), set()]
    assert count_of(subject) == 2


def test_place_and_note_of_it_are_one_step() -> None:
    subject = make.person()
    rows = sends([subject])

    frequency.reserve(rows, limit=4, now=NOON)

    assert Send.objects.get().is_counted


@pytest.mark.parametrize(
    ("after", "lucky"), [(WINDOW - timedelta(microseconds=1), False), (WINDOW, True)]
)
def test_week_begins_anew_seven_days_after_its_first_mail(after: timedelta, *, lucky: bool) -> None:
    subject = make.person()
    frequency.reserve(sends([subject], slug="a"), limit=1, now=NOON)
    rows = sends([subject], slug="b")

    taken = frequency.reserve(rows, limit=1, now=NOON + after)

    assert taken == (set(rows) if lucky else set())


def test_place_given_back_is_free_again_and_only_once() -> None:
    subject = make.person()
    rows, token = sends([subject]), uuid.uuid4()
    Send.objects.update(lease_token=token)
    frequency.reserve(rows, limit=1, now=NOON)

    frequency.give_back(list(rows), token=token)
    frequency.give_back(list(rows), token=token)

    assert count_of(subject) == 0
    assert not Send.objects.get().is_counted


def test_place_of_a_row_that_another_worker_holds_is_not_given_back() -> None:
    subject = make.person()
    rows = sends([subject])
    Send.objects.update(lease_token=uuid.uuid4())
    frequency.reserve(rows, limit=1, now=NOON)

    frequency.give_back(list(rows), token=uuid.uuid4())

    assert count_of(subject) == 1


def test_nobody_asked_is_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert frequency.reserve({}, limit=4, now=NOON) == set()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_competing_campaigns_never_exceed_the_limit_and_never_deadlock() -> None:
    people = make.people(20)
    competitors = [sends(people, slug=f"c{n}") for n in range(4)]
    backwards = [dict(reversed(rows.items())) for rows in competitors]

    taken = together(
        *(lambda r=rows: frequency.reserve(r, limit=2, now=NOON) for rows in backwards)
    )

    assert sum(len(found) for found in taken) == 2 * len(people)
    assert set(FrequencyCounter.objects.values_list("count", flat=True)) == {2}


def test_mail_over_the_limit_is_held_until_the_persons_own_week_ends(settings: Settings) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    make.person()
    make.launched(make.campaign("One", slug="one"), now=NOON - timedelta(days=5))
    second, backend = make.campaign("Two", slug="two"), MemoryBackend()

    make.launched(second, now=NOON, backend=backend)

    held = Send.objects.get(campaign=second)
    assert (held.state, held.reason, held.attempts) == (State.HELD, "weekly_limit", 0)
    assert held.due_at == NOON + timedelta(days=2)
    assert backend.outbox == []


def test_held_mail_is_released_after_the_week_and_then_sent(settings: Settings) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    make.person()
    make.launched(make.campaign("One", slug="one"))
    second = make.campaign("Two", slug="two")
    make.launched(second)
    assert second.status == "sent"

    too_early = lifecycle.release_held(now=LATER - timedelta(seconds=1))
    in_time = lifecycle.release_held(now=LATER)
    pipeline.run_chunk(second, backend=MemoryBackend(), now=LATER)

    assert (too_early, in_time) == (0, 1)
    assert states(second) == {State.SENT: 1}


def test_held_mail_that_waited_too_long_is_skipped_and_says_so(settings: Settings) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    subject = make.person()
    campaign = make.campaign()
    make.send(campaign, subject, state=State.HELD, due_at=LATER, reason="weekly_limit")

    released = lifecycle.release_held(now=NOON + lifecycle.HELD_AT_MOST + timedelta(seconds=1))

    assert released == 0
    assert Send.objects.values_list("state", "reason").get() == (State.SKIPPED, "held_too_long")


def test_campaign_without_limit_neither_asks_nor_counts(settings: Settings) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    make.person()
    make.launched(make.campaign("One", slug="one"))
    free = make.campaign("Order confirmed", slug="free")
    free.is_capped = False
    free.save()

    make.launched(free)

    assert states(free) == {State.SENT: 1}
    assert FrequencyCounter.objects.get().count == 1


def test_refused_mail_gives_its_place_back(settings: Settings) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    subject = make.person()
    campaign = make.campaign()

    make.launched(campaign, backend=MemoryBackend(fails=["anna1@example.com"]))

    assert states(campaign) == {State.FAILED: 1}
    assert count_of(subject) == 0


def test_second_mail_to_one_person_in_one_chunk_asks_for_a_place_of_its_own(
    settings: Settings,
) -> None:
    settings.ATTUNE_WEEKLY_LIMIT = 1
    subject = make.person()
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    make.send(campaign, subject, state=State.PLANNED, due_at=NOON, occurrence="another event")

    first = pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)
    second = pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    assert first.counts == {State.SENT: 1, State.PLANNED: 1}
    assert second.counts == {State.HELD: 1}
    assert count_of(subject) == 1
