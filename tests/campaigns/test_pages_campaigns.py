"""The pages of campaigns in a real browser: what a marketer does, and how it looks."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from campaigns.models import Campaign, Send
from config.celery import app
from personalization.models import Segment
from personalization.segments import membership
from tests.browser import DESKTOP, PHONE, Faults, Open, overflow
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher, running_catcher

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def worker(tmp_path: Path, settings: Settings) -> Iterator[RunningCatcher]:
    """Tasks run at once, and their mails go to a real catcher."""
    app.set_default()
    app.conf.task_always_eager = True
    with running_catcher(tmp_path) as catcher:
        settings.EMAIL_URL = catcher.url
        yield catcher
    app.conf.task_always_eager = False


def sent_campaign() -> tuple[Campaign, Send]:
    now = timezone.now() - timedelta(hours=2)
    campaign = make.campaign(now=now)
    make.experiment(campaign)
    make.person(1, at=now)
    make.person(2, granted=["profiling"], at=now)
    make.launched(campaign, now=now)
    send = Send.objects.get(state=Send.State.SENT)
    make.tracked(send, "opened", at=now + timedelta(minutes=5))
    make.converted(send, at=now + timedelta(minutes=9))
    return campaign, send


def test_a_marketer_launches_a_campaign_and_sees_why_it_said_what_it_said(
    open_as: Open, worker: RunningCatcher
) -> None:
    now = timezone.now()
    make.campaign(now=now)
    make.person(1, at=now)
    make.person(2, granted=["profiling"], at=now)
    membership.rebuild(Segment.objects.get(), now=now)

    page = open_as("marketer", "/admin/campaigns/campaign/")
    page.get_by_role("link", name="Spring").click()
    page.get_by_role("link", name="Launch…").click()
    page.get_by_role("button", name="Launch to 1 person").click()

    expect(page.get_by_text("Launched: 1 mails planned, 1 people skipped.")).to_be_visible()
    expect(page.get_by_text("No consent to this kind of mail")).to_be_visible()
    assert len(worker.contents()) == 1
    page.get_by_role("link", name="Sends").last.click()
    sent = page.get_by_role("row").filter(has=page.locator(".at-chip", has_text="Sent"))
    sent.get_by_role("link", name="a***@e***.com").click()
    expect(page.get_by_text("True for this customer: this rule decided.")).to_be_visible()


def test_a_preview_shows_the_mail_in_its_frame(open_as: Open) -> None:
    campaign, _ = sent_campaign()

    page = open_as("marketer", f"/admin/campaigns/campaign/{campaign.pk}/preview/")
    page.get_by_placeholder("Customer number").fill("C1")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_text("A***, your picks")).to_be_visible()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Made in Germany")).to_be_visible()


def test_the_home_page_draws_its_chart(open_as: Open) -> None:
    sent_campaign()

    page = open_as("marketer", "/admin/")

    drawn = "Chart.getChart('weeks').data.datasets.map(d => d.data[d.data.length - 1])"
    page.wait_for_function("window.Chart && Chart.getChart('weeks')")
    assert sorted(page.evaluate(drawn)) in ([0, 0], [1, 1])
    expect(page.get_by_text("Latest campaigns")).to_be_visible()


def test_a_figure_says_what_it_means(open_as: Open) -> None:
    campaign, _ = sent_campaign()

    page = open_as("marketer", f"/admin/campaigns/campaign/{campaign.pk}/results/")
    page.get_by_label("What delivered means").click()

    expect(page.get_by_text("Sent mails that did not bounce.")).to_be_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_pages_fit_their_window_and_load_nothing_from_elsewhere(
    open_as: Open, live_server: LiveServer, width: int
) -> None:
    campaign, send = sent_campaign()
    draft = make.campaign("Draft", slug="draft")
    one = "/admin/campaigns/campaign"
    addresses = [
        "/admin/",
        f"{one}/",
        f"{one}/{campaign.pk}/results/",
        f"{one}/{draft.pk}/results/",
        f"{one}/{draft.pk}/launch/",
        f"{one}/{draft.pk}/change/",
        f"{one}/{campaign.pk}/preview/{send.subject_id}/",
        "/admin/campaigns/send/",
        f"/admin/campaigns/send/{send.pk}/why/",
        "/admin/campaigns/experiment/",
        "/admin/campaigns/trackingevent/",
        "/admin/campaigns/conversion/",
    ]
    page = open_as("marketer", "/admin/", width=width)
    faults = Faults(page, home=live_server.url)

    wide = {}
    for address in addresses:
        page.goto(address)
        wide[address] = overflow(page)

    assert {address: by for address, by in wide.items() if by > 0} == {}
    assert faults.found == []
