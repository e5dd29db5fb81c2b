"""Orders claimed by mails: the last one before, within seven days, each order once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns.models import Campaign, Conversion, Send
from campaigns.tracking.attribution import WINDOW, attribute
from consent.models import DataSubject
from personalization.commerce import state
from personalization.models import Event
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = NOON + 10 * DAY


def mailed(subject: DataSubject, *, slug: str, days: float) -> Send:
    campaign = Campaign.objects.filter(slug=slug).first() or make.campaign(slug=slug)
    return make.send(campaign, subject, sent_at=NOON + days * DAY)


def ordered(subject: DataSubject, *, days: float) -> None:
    make.order(subject, make.product(1), make.product(2), at=NOON + days * DAY)


def claim() -> int:
    return attribute(since=NOON - DAY, now=NOW)


def test_order_after_a_mail_is_claimed_with_its_amount() -> None:
    subject = make.person()
    send = mailed(subject, slug="a", days=0)
    ordered(subject, days=1)

    assert claim() == 1

    found = Conversion.objects.get()
    assert (found.send, found.campaign_id) == (send, send.campaign_id)
    assert (found.amount, found.occurred_at) == (Decimal("39.80"), NOON + DAY)


def test_last_mail_before_the_order_wins() -> None:
    subject = make.person()
    mailed(subject, slug="a", days=0)
    last = mailed(subject, slug="b", days=2)
    mailed(subject, slug="c", days=4)
    ordered(subject, days=3)

    claim()

    assert Conversion.objects.get().send == last


@pytest.mark.parametrize(
    ("days", "count"),
    [(-0.001, 0), (0, 1), (6.999, 1), (7, 0), (7.001, 0)],
)
def test_only_orders_within_seven_days_after_the_mail_count(days: float, count: int) -> None:
    subject = make.person()
    mailed(subject, slug="a", days=0)
    ordered(subject, days=days)

    assert timedelta(days=7) == WINDOW
    assert claim() == count


def test_claiming_again_claims_nothing_twice_also_when_a_newer_mail_came() -> None:
    subject = make.person()
    first = mailed(subject, slug="a", days=0)
    ordered(subject, days=1)
    claim()
    mailed(subject, slug="b", days=0.5)

    assert claim() == 0
    assert Conversion.objects.get().send == first


def test_order_of_somebody_else_is_not_claimed() -> None:
    mailed(make.person(1), slug="a", days=0)
    ordered(make.person(2), days=1)

    assert claim() == 0


@pytest.mark.parametrize("state", ["planned", "failed", "skipped", "unknown", "held"])
def test_mail_that_was_not_sent_claims_nothing(state: str) -> None:
    subject = make.person()
    send = mailed(subject, slug="a", days=0)
    Send.objects.filter(pk=send.pk).update(state=state)
    ordered(subject, days=1)

    assert claim() == 0


def test_two_orders_of_one_person_are_both_claimed() -> None:
    subject = make.person()
    mailed(subject, slug="a", days=0)
    boots = make.product()
    for days in (1, 2):
        make.order(subject, boots, at=NOON + days * DAY)

    assert claim() == 2


def test_mails_from_before_attune_keep_to_the_results_they_came_with() -> None:
    subject = make.person()
    send = mailed(subject, slug="past", days=0)
    Campaign.objects.filter(pk=send.campaign_id).update(is_imported=True)
    ordered(subject, days=1)

    assert claim() == 0


def test_other_events_are_no_orders() -> None:
    subject = make.person()
    mailed(subject, slug="a", days=0)
    event = make.order(subject, make.product(), at=NOON + DAY)
    type(event).objects.update(name="Product Viewed")

    assert claim() == 0


def test_a_refund_takes_its_revenue_back_and_a_cancellation_all_of_it() -> None:
    subject = make.person()
    mailed(subject, slug="a", days=0)
    placed = make.order(subject, make.product(1), make.product(2), at=NOON + DAY)
    Event.objects.filter(pk=placed.pk).update(properties={"order_id": "O-1"})
    claim()

    make.follow_up("Order Refunded", placed, amount=Decimal("9.80"), at=NOON + 2 * DAY)
    state.refresh([subject.pk], now=NOON + 2 * DAY)
    claim()
    assert Conversion.objects.get().amount == Decimal("30.00")

    make.follow_up("Order Cancelled", placed, amount=None, at=NOON + 3 * DAY)
    state.refresh([subject.pk], now=NOON + 3 * DAY)
    assert claim() == 0
    assert Conversion.objects.get().amount == 0
