"""The figures of a campaign equal a count by hand; machines apart; not recorded is None."""

import random
from collections import Counter
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from campaigns.kpi.report import Figures, report
from campaigns.models import Campaign, Conversion, Send, TrackingEvent
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON

pytestmark = pytest.mark.django_db
KINDS = ("opened", "clicked", "bounced", "unsubscribed")


def world(seed: int) -> Campaign:
    """A campaign with random outcomes, and another one beside it whose figures must not mix in."""
    chance = random.Random(seed)
    people = make.people(30)
    campaign, other = make.campaign(slug="one"), make.campaign(slug="two")
    make.experiment(campaign)
    for subject in people:
        make.tracked(make.send(other, subject), "opened")
        state = chance.choice(["sent"] * 6 + ["failed", "held", "skipped", "unknown"])
        reason = chance.choice(["no_consent", "holdout"]) if state == "skipped" else ""
        arm = "" if state == "skipped" else chance.choice("ab")
        send = make.send(campaign, subject, state=state, reason=reason, arm=arm)
        if state == "sent":
            _outcomes(send, chance)
    for _ in range(3):
        TrackingEvent.objects.create(campaign=campaign, kind="clicked", occurred_at=NOON)
    return campaign


def _outcomes(send: Send, chance: random.Random) -> None:
    for _ in range(chance.randrange(5)):
        make.tracked(send, chance.choice(KINDS), is_machine=chance.random() < 0.3)
    for _ in range(chance.randrange(3)):
        make.converted(send, amount=f"{chance.randrange(1, 99)}.50")


def by_hand(sends: list[Send]) -> Figures:
    """Count the slow way, row by row."""
    people: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for send in sends:
        for event in send.tracking.filter(is_machine=False):
            people[event.kind].add(send.pk)
    sent = [send for send in sends if send.state == "sent"]
    orders = [order for send in sends for order in send.conversions.all()]
    return Figures(
        planned=len([send for send in sends if send.state != "skipped"]),
        sent=len(sent),
        delivered=len(sent) - len(people["bounced"]),
        opened=len(people["opened"]),
        clicked=len(people["clicked"]),
        converted=len({order.send_id for order in orders}),
        unsubscribed=len(people["unsubscribed"]),
        revenue=sum((order.amount or Decimal() for order in orders), Decimal()),
    )


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_a_count_by_hand_in_all_and_by_arm(seed: int) -> None:
    campaign = world(seed)
    sends = list(Send.objects.filter(campaign=campaign))

    found = report(campaign)

    assert found.total == by_hand(sends)
    for arm in ("a", "b"):
        assert found.by_arm[arm] == by_hand([send for send in sends if send.arm == arm])
    assert found.states == Counter(send.state for send in sends)
    assert found.skipped == Counter(send.reason for send in sends if send.state == "skipped")
    assert found.anonymous_clicks == 3
    assert found.arms == {"a": "Your name", "b": "A product"}


def test_machines_are_counted_apart() -> None:
    send = make.send(make.campaign(), make.person())
    make.tracked(send, "opened", is_machine=True)
    make.tracked(send, "clicked", is_machine=True)

    found = report(send.campaign)

    assert (found.total.opened, found.total.clicked) == (0, 0)
    assert (found.machine_opens, found.machine_clicks) == (1, 1)


def test_person_who_opens_ten_times_is_one_person() -> None:
    send = make.send(make.campaign(), make.person())
    for _ in range(10):
        make.tracked(send, "opened")

    assert report(send.campaign).total.opened == 1


def test_what_nobody_recorded_is_none_and_never_0() -> None:
    send = make.send(make.campaign(), make.person())
    Campaign.objects.update(has_tracking=False)
    make.converted(send)
    Conversion.objects.update(amount=None)

    total = report(Campaign.objects.get()).total

    assert (total.delivered, total.opened, total.clicked, total.unsubscribed) == (None,) * 4
    assert (total.sent, total.converted, total.revenue) == (1, 1, None)
    assert total.rate(total.opened) is None
    assert total.rate(total.converted) == 100


def test_recorded_nothing_is_0() -> None:
    make.send(make.campaign(), make.person())

    total = report(Campaign.objects.get()).total

    assert (total.opened, total.clicked, total.unsubscribed) == (0, 0, 0)
    assert (total.delivered, total.revenue) == (1, Decimal())


def test_rates_of_a_campaign_that_sent_nothing_are_none() -> None:
    total = report(make.campaign()).total

    assert total.rate(total.opened) is None


def test_report_takes_four_queries_and_those_for_the_arms(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    campaign = Campaign.objects.get(pk=world(9).pk)

    with django_assert_num_queries(6):
        report(campaign)
