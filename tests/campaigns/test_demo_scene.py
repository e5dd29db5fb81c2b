"""The demo's scene, past campaigns, accounts, readers and summary: made once, true to the data."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from campaigns.delivery.base import get_backend
from campaigns.demo import accounts, past, readers, scene
from campaigns.demo.history import PastCampaign, Redemption
from campaigns.demo.readers import Unanswered
from campaigns.demo.summary import summarise
from campaigns.kpi.report import report
from campaigns.models import (
    Campaign,
    Conversion,
    Experiment,
    ExperimentArm,
    Send,
    SenderIdentity,
    Template,
    TrackingEvent,
)
from campaigns.sending import lifecycle, pipeline
from consent.roles import ROLES
from personalization.models import (
    ContentBlock,
    CustomerProfile,
    Feed,
    RuleSet,
    Segment,
    SegmentVersion,
    SendTimeSlot,
)
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import State, states
from tests.servers import QuietServer

pytestmark = pytest.mark.django_db
TABLES = (
    Campaign,
    ContentBlock,
    Experiment,
    ExperimentArm,
    Feed,
    RuleSet,
    Segment,
    SegmentVersion,
    SenderIdentity,
    SendTimeSlot,
    Template,
)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def test_scene_is_complete_enough_to_be_launched() -> None:
    campaign = scene.build(now=NOON)

    assert lifecycle.problems(campaign, now=NOON) == []
    assert len(scene.RULES["rules"]) >= 3
    assert campaign.experiment.holdout_percent == 5
    assert campaign.experiment.arms.count() == 2


def test_building_again_changes_nothing_also_what_the_marketer_changed() -> None:
    scene.build(now=NOON)
    Campaign.objects.update(name="My own name")
    before = [list(table.objects.order_by("pk").values()) for table in TABLES]

    scene.build(now=NOON + timedelta(days=1))

    assert [list(table.objects.order_by("pk").values()) for table in TABLES] == before


def test_people_of_different_behaviour_see_different_heroes() -> None:
    boots = make.product()
    fresh, lapsed, unknown = make.people(3)
    unprofiled = make.person(4, granted=("email_marketing",))
    for subject, days in ((fresh, 1), (lapsed, 90), (unprofiled, 90)):
        make.order(subject, boots, at=NOON - timedelta(days=days))
        traits = {"recency_days": days, "order_count": 1}
        CustomerProfile.objects.filter(subject=subject).update(traits=traits)
    assert not CustomerProfile.objects.get(subject=unknown).traits
    campaign, backend = scene.build(now=NOON), MemoryBackend()
    Experiment.objects.all().delete()

    lifecycle.launch(campaign, now=NOON)
    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    texts = {e.recipient: e.content.decode() for e in backend.outbox}
    assert "Your basket has been empty" in texts["anna2@example.com"]
    for number in (1, 3, 4):
        assert "The season is on the table" in texts[f"anna{number}@example.com"]


def test_readers_of_other_languages_see_the_hero_in_theirs() -> None:
    people = make.people(5)
    spoken = ("en", "de", "es", "fr", "")
    for subject, language in zip(people, spoken, strict=True):
        attributes = {"country": "DE"} | ({"language": language} if language else {})
        CustomerProfile.objects.filter(subject=subject).update(attributes=attributes)
    campaign, backend = scene.build(now=NOON), MemoryBackend()
    Experiment.objects.all().delete()

    make.launched(campaign, backend=backend)

    says = {e.recipient: e.content.decode() for e in backend.outbox}
    titles = (
        "The season is on the table", "Die Saison ist aufgetischt", "La temporada está servida",
        "La saison est servie", "The season is on the table",
    )  # fmt: skip
    for number, title in enumerate(titles, start=1):
        assert title in says[f"anna{number}@example.com"]


def past_campaign(*people: str, redeemed: tuple[str, ...] = ()) -> PastCampaign:
    return PastCampaign(
        campaign_id=7,
        name="Campaign 7 (Type A)",
        kind="Type A",
        starts_at=NOON - timedelta(days=60),
        ends_at=NOON - timedelta(days=30),
        external_ids=people,
        redemptions=tuple(
            Redemption(external_id=person, at=NOON - timedelta(days=50), coupon="1")
            for person in redeemed
        ),
    )


def test_past_campaign_keeps_who_got_it_and_who_redeemed() -> None:
    make.people(3)
    old = past_campaign("C1", "C2", "C-unknown", redeemed=("C1", "C1", "C3", "C-unknown"))

    assert past.load([old], source=make.SOURCE) == 1

    campaign = Campaign.objects.get()
    total = report(campaign).total
    assert campaign.is_imported
    assert (total.sent, total.converted) == (2, 1)
    # A redemption of somebody who is not on record as a recipient belongs to no mail.
    assert Conversion.objects.count() == 2
    assert (total.opened, total.clicked, total.delivered, total.revenue) == (None,) * 4
    assert set(Send.objects.values_list("sent_at", flat=True)) == {old.starts_at}


def test_past_campaigns_are_loaded_once() -> None:
    make.people(2)
    old = past_campaign("C1", "C2", redeemed=("C1",))
    past.load([old], source=make.SOURCE)

    assert past.load([old], source=make.SOURCE) == 0
    assert (Send.objects.count(), Conversion.objects.count()) == (2, 1)


def test_past_campaign_is_never_sent_again() -> None:
    make.people(1)
    past.load([past_campaign("C1")], source=make.SOURCE)

    assert lifecycle.due(now=NOON) == []
    assert lifecycle.problems(Campaign.objects.get(), now=NOON)


def test_each_role_has_one_account_whose_password_stays_the_same(tmp_path: Path) -> None:
    file = tmp_path / "private" / "accounts.json"

    first, second = accounts.ensure(file), accounts.ensure(file)

    assert first == second
    assert set(first) == set(ROLES) == set(User.objects.values_list("username", flat=True))
    assert len(set(first.values())) == len(ROLES)
    assert file.stat().st_mode & 0o077 == 0
    for user in User.objects.all():
        assert user.check_password(first[user.username])
        assert user.is_superuser == (user.username == "admin")


def test_lost_password_file_gets_new_passwords_that_work(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    accounts.ensure(file)
    file.unlink()

    again = accounts.ensure(file)

    assert all(user.check_password(again[user.username]) for user in User.objects.all())


class Web(BaseHTTPRequestHandler):
    """Notes what is asked; answers as the real pages do."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []
    status = 200

    def do_GET(self) -> None:
        self._answer(302 if self.path.startswith("/c/") else self.status)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.status)

    def log_message(self, *args: object) -> None:
        """Be quiet."""

    def _answer(self, status: int) -> None:
        self.asked.append(f"{self.command} {self.path[:3]}")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def web(*, status: int = 200) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Asked", (Web,), {"asked": asked, "status": status})
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def mails(catcher: RunningCatcher, settings: Settings) -> list[Path]:
    """Forty caught mails of a campaign, in the mailbox of the settings."""
    settings.ATTUNE_MAILBOX = catcher.mailbox
    make.people(40, at=NOON)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=NOON)
    return sorted(catcher.mailbox.glob("*.eml"))


def test_readers_open_about_the_stated_share_the_same_each_time(mails: list[Path]) -> None:
    with web() as (server, asked):
        first = readers.read_some(mails, server=server, pause_seconds=0)
        second = readers.read_some(mails, server=server, pause_seconds=0)

    assert first == second
    assert 8 <= first.opened <= 28
    assert asked.count("GET /o/") == 2 * first.opened
    assert asked.count("POST /u/") == 2 * first.unsubscribed


def test_readers_say_so_when_the_web_process_does_not_take_a_link(mails: list[Path]) -> None:
    with (
        web(status=500) as (server, _),
        pytest.raises(Unanswered, match="/o/ was answered with 500"),
    ):
        readers.read_some(mails, server=server, pause_seconds=0)


def test_readers_leave_mails_of_another_installation_alone(mails: list[Path]) -> None:
    Send.objects.all().delete()

    with web() as (server, asked):
        call_command("demo_readers", server=server, stdout=StringIO())

    assert asked == []


def test_readers_read_in_one_run_only(mails: list[Path]) -> None:
    make.tracked(Send.objects.all()[0])

    with web() as (server, asked):
        call_command("demo_readers", server=server, stdout=StringIO())

    assert asked == []
    assert TrackingEvent.objects.count() == 1


def test_summary_counts_what_is_there_and_is_complete_when_nothing_is_open() -> None:
    make.people(3)
    campaign = make.campaign()
    make.launched(campaign)

    summary = summarise(campaign)

    assert (summary.customers, summary.report.total.sent, summary.open_count) == (3, 3, 0)
    assert summary.is_complete


@pytest.mark.parametrize("state", [State.PLANNED, State.CLAIMED, State.UNKNOWN])
def test_summary_is_not_complete_while_something_is_open(
    state: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ATTUNE_VAR = tmp_path
    accounts.ensure(tmp_path / "demo-accounts.json")
    make.people(2)
    campaign = make.campaign(slug=scene.CAMPAIGN)
    make.launched(campaign)
    Send.objects.filter(pk=Send.objects.all()[0].pk).update(state=state, lease_until=NOON)
    out = StringIO()

    with pytest.raises(CommandError, match="1 sends are not settled"):
        call_command("demo_summary", stdout=out)

    assert states(campaign) == {State.SENT: 1, state: 1}
    assert "Log in as" in out.getvalue()
