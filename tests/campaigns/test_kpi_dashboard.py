from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from campaigns.kpi import dashboard, progress
from campaigns.kpi.definitions import DEFINITIONS
from campaigns.kpi.progress import Progress
from campaigns.models import Campaign, Send
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def test_cards_count_people_and_leave_machines_out() -> None:
    campaign = make.campaign()
    first, second, third = (make.send(campaign, who) for who in make.people(3))
    make.tracked(first)
    make.tracked(first)
    make.tracked(second, is_machine=True)
    make.tracked(second, "clicked")
    make.tracked(third, "bounced")
    make.converted(first, amount="10.50")

    cards = dashboard.overview(now=LATER).cards

    assert (cards.customers, cards.reachable, cards.sent_week, cards.sent_month) == (3, 3, 3, 3)
    assert (cards.delivered, cards.opened, cards.clicked, cards.unsubscribed) == (2, 1, 1, 0)
    assert cards.share(cards.opened) == 50
    assert (cards.converted, cards.revenue) == (1, Decimal("10.50"))


def test_who_refused_mail_is_a_customer_and_not_reachable() -> None:
    make.person(1)
    make.person(2, granted=["profiling"])

    cards = dashboard.overview(now=LATER).cards

    assert (cards.customers, cards.reachable) == (2, 1)


def test_what_an_imported_campaign_did_not_record_is_missing_and_not_zero() -> None:
    campaign = make.campaign()
    Campaign.objects.update(has_tracking=False)
    mail = make.send(campaign, make.person())
    make.converted(mail)
    mail.conversions.update(amount=None)

    cards = dashboard.overview(now=LATER).cards

    assert cards.sent_month == 1
    assert (cards.opened, cards.clicked, cards.unsubscribed, cards.revenue) == (None,) * 4


def test_weeks_begin_on_monday_and_hold_what_happened_in_them() -> None:
    campaign = make.campaign()
    old, new = (make.send(campaign, who) for who in make.people(2))
    Send.objects.filter(pk=old.pk).update(sent_at=NOON - timedelta(days=8))
    make.converted(new)

    weeks = dashboard.overview(now=LATER).weeks

    assert len(weeks) == dashboard.WEEKS
    assert {week.starts.weekday() for week in weeks} == {0}
    assert [(week.sent, week.converted) for week in weeks[-3:]] == [(1, 0), (0, 0), (1, 1)]


def test_trouble_is_listed() -> None:
    campaign = make.campaign()
    Campaign.objects.update(problem="The mail server does not answer.")
    make.send(campaign, make.person(), state=Send.State.UNKNOWN)

    found = {item.kind: item.text for item in dashboard.overview(now=LATER).attention}

    assert found == {
        "campaign": "Spring: The mail server does not answer.",
        "unknown": "1 mail handed over without an answer",
    }


def test_an_empty_installation_is_fresh() -> None:
    overview = dashboard.overview(now=LATER)

    assert overview.is_fresh
    assert not overview.has_history
    assert [item.kind for item in overview.attention] == ["sender"]


def test_queries_do_not_grow_with_the_data(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4):
        campaign = make.campaign(f"Campaign {number}", slug=f"c{number}")
        Campaign.objects.update(problem="down")
        make.send(campaign, make.person(number))

    with django_assert_num_queries(19):
        dashboard.overview(now=LATER)


def test_progress_leaves_out_who_was_skipped() -> None:
    campaign = make.campaign()
    states = (Send.State.SENT, Send.State.SKIPPED, Send.State.PLANNED, Send.State.FAILED)
    for who, state in zip(make.people(4), states, strict=True):
        make.send(campaign, who, state=state)

    found = progress.of([campaign.pk, 0])

    assert found == {campaign.pk: Progress(sent=1, total=3), 0: Progress()}
    assert found[campaign.pk].percent == 33


def test_the_documentation_says_the_same_as_the_tooltips() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "kpi.md").read_text()

    for name, meaning in DEFINITIONS.items():
        assert f"| {name} | {meaning} |" in page
