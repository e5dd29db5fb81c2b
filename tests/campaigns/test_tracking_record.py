"""What is recorded of an open, a click, an unsubscribe: in one step, by consent of this moment."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

import pytest
from pytest_django import DjangoAssertNumQueries

from campaigns.models import Campaign, Link, Send, TrackingEvent
from campaigns.tracking import machines, record
from campaigns.tracking.book import LinkBook
from consent import ledger
from personalization.ingest import apply
from personalization.models import Event, InboxEvent
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON

pytestmark = pytest.mark.django_db
HOUR = NOON + timedelta(hours=1)


def mail(*, granted: Sequence[str] = make.EVERYTHING) -> Send:
    return make.send(make.campaign(), make.person(granted=granted))


def link(campaign: Campaign, url: str = "https://shop.example.com/new") -> Link:
    book = LinkBook(campaign.pk)
    pk = book.add(url)
    book.save()
    return Link.objects.get(pk=pk)


def test_open_becomes_an_event_on_the_persons_profile() -> None:
    send = mail()

    assert record.opened(send.pk, at=HOUR, is_machine=False)
    apply.apply_batch(now=HOUR)

    event = Event.objects.get()
    assert (event.name, event.profile_id, event.is_machine) == (
        "Email Opened",
        send.subject_id,
        False,
    )
    assert event.properties == {"campaign_id": send.campaign_id}


def test_click_of_a_machine_is_marked_in_both_places() -> None:
    send = mail()

    record.clicked(link(send.campaign), send_id=send.pk, at=HOUR, is_machine=True)
    apply.apply_batch(now=HOUR)

    assert TrackingEvent.objects.get().is_machine
    assert Event.objects.get().is_machine


def test_same_request_twice_in_a_second_is_one_event_on_the_profile() -> None:
    send = mail()

    for _ in range(2):
        record.opened(send.pk, at=HOUR, is_machine=False)

    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("send_id", [0, 987_654])
def test_open_of_an_unknown_send_is_nothing(send_id: int) -> None:
    assert not record.opened(send_id, at=HOUR, is_machine=False)
    assert not TrackingEvent.objects.exists()


def test_open_without_consent_to_tracking_leaves_no_trace() -> None:
    send = mail(granted=("email_marketing",))

    assert not record.opened(send.pk, at=HOUR, is_machine=False)
    assert not TrackingEvent.objects.exists()
    assert not InboxEvent.objects.exists()


def test_consent_to_tracking_given_after_the_mail_counts_from_then_on() -> None:
    send = mail(granted=("email_marketing",))
    ledger.grant(send.subject, purpose="email_tracking", source="test", at=NOON)

    assert record.opened(send.pk, at=HOUR, is_machine=False)


def test_unsubscribe_is_for_the_purpose_of_the_mail_only() -> None:
    send = mail()

    assert record.unsubscribed(send.pk, at=HOUR)

    states = dict(send.subject.states.values_list("purpose", "is_granted"))
    assert states == {"email_marketing": False, "email_tracking": True, "profiling": True}


def test_unsubscribe_twice_is_news_once() -> None:
    send = mail()

    assert [record.unsubscribed(send.pk, at=HOUR) for _ in range(2)] == [True, False]
    assert TrackingEvent.objects.count() == 1


def test_unsubscribe_after_a_new_consent_is_news_again() -> None:
    send = mail()
    record.unsubscribed(send.pk, at=HOUR)
    back = HOUR + timedelta(hours=1)
    ledger.grant(send.subject, purpose="email_marketing", source="form", at=back)

    assert record.unsubscribed(send.pk, at=back + timedelta(hours=1))


def test_same_target_has_one_id_in_every_worker_and_another_in_another_campaign() -> None:
    first, second = make.campaign(slug="one"), make.campaign(slug="two")
    url = "https://shop.example.com/new"

    ids = {LinkBook(first.pk).add(url), LinkBook(first.pk).add(url)}

    assert len(ids) == 1
    assert LinkBook(second.pk).add(url) not in ids
    assert all(0 < pk < 2**63 for pk in ids)


def test_storing_targets_again_changes_nothing() -> None:
    campaign = make.campaign()
    for _ in range(2):
        link(campaign)

    assert Link.objects.count() == 1


def test_a_target_is_stored_with_the_hash_of_its_address() -> None:
    campaign = make.campaign()
    urls = ["https://shop.example.com/new", 'https://shop.example.com/tee/grün?a="1"&b=\\2']
    book = LinkBook(campaign.pk)
    ids = [book.add(url) for url in urls]

    book.save()

    stored = {found.pk: found for found in campaign.links.all()}
    assert [stored[pk].url for pk in ids] == urls
    assert [stored[pk].url_hash for pk in ids] == [sha256(url.encode()).hexdigest() for url in urls]


def test_without_targets_nothing_is_asked(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    book = LinkBook(make.campaign().pk)

    with django_assert_num_queries(0):
        book.save()


@pytest.mark.parametrize(
    ("agent", "method", "seconds", "expected"),
    [
        ("Mozilla/5.0 (iPhone) Mobile Safari", "GET", 3.0, False),
        ("Mozilla/5.0 (iPhone) Mobile Safari", "GET", 1.9, True),
        ("Mozilla/5.0 (iPhone) Mobile Safari", "HEAD", 3.0, True),
        (" mozilla/5.0 ", "GET", 3.0, True),
        ("python-requests/2", "GET", 3.0, True),
        ("", "GET", 3.0, True),
    ],
)
def test_machines_are_told_by_what_they_say_and_how_fast_they_are(
    agent: str, method: str, seconds: float, *, expected: bool
) -> None:
    at = NOON + timedelta(seconds=seconds)

    assert machines.is_machine(user_agent=agent, method=method, sent_at=NOON, at=at) == expected


def test_mail_whose_sending_is_not_recorded_yet_is_judged_by_its_agent_alone() -> None:
    agent = "Mozilla/5.0 (X11; Linux) Firefox/130"

    assert not machines.is_machine(user_agent=agent, method="GET", sent_at=None, at=NOON)
