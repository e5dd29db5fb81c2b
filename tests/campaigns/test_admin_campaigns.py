from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns import tasks
from campaigns.models import Campaign, DemoInstallation, Experiment, Send, SenderIdentity
from campaigns.sending import lifecycle
from consent.models import AuditEntry
from personalization.models import Field, Receipt
from personalization.segments import upkeep
from tests.campaigns import factories as make
from tests.campaigns.admin_support import client_of, page, queries
from tests.personalization.factories import segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
LIST = "/admin/campaigns/campaign/"


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The campaigns a worker was woken for; no worker runs here."""
    asked: list[int] = []
    monkeypatch.setattr(tasks.send_next_chunk, "delay_on_commit", asked.append)
    return asked


def place(campaign: Campaign, name: str = "results") -> str:
    return f"{LIST}{campaign.pk}/{name}/"


# Launch, pause, resume


def test_a_marketer_launches_and_a_worker_is_woken(enqueued: list[int]) -> None:
    campaign = make.campaign()
    make.person(1)
    make.person(2, granted=[])

    response = client_of("marketer").post(place(campaign, "launch"), follow=True)

    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.SENDING
    assert sorted(Send.objects.values_list("state", flat=True)) == ["planned", "skipped"]
    assert enqueued == [campaign.pk]
    assert "Launched: 1 mails planned, 1 people skipped." in response.content.decode()
    assert AuditEntry.objects.get(action="campaign.launch").actor is not None


def test_launching_twice_plans_nobody_twice(enqueued: list[int]) -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    make.person()

    for _ in range(2):
        marketer.post(place(campaign, "launch"))

    assert Send.objects.count() == 1
    assert enqueued == [campaign.pk]


def test_get_asks_and_changes_nothing(enqueued: list[int]) -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    make.launched(make.campaign("Other", slug="other"))
    make.person()

    asked = page(marketer, place(campaign, "launch"))
    for name in ("pause", "resume"):
        assert marketer.get(place(campaign, name)).status_code == 405
    for name in ("results", "preview", "change"):
        page(marketer, place(campaign, name))

    campaign.refresh_from_db()
    assert "Launch Spring?" in asked
    assert campaign.status == Campaign.Status.DRAFT
    assert (Send.objects.count(), enqueued) == (0, [])


@pytest.mark.parametrize("action", ["launch", "pause", "resume"])
def test_an_analyst_launches_nothing(action: str, enqueued: list[int]) -> None:
    campaign = make.campaign()

    response = client_of("analyst").post(place(campaign, action))

    campaign.refresh_from_db()
    assert response.status_code == 403
    assert (campaign.status, enqueued) == (Campaign.Status.DRAFT, [])


def test_an_analyst_sees_results_without_buttons() -> None:
    campaign = make.campaign()
    make.launched(campaign)

    shown = page(client_of("analyst"), place(campaign))

    assert "Planned" in shown
    assert "/pause/" not in shown
    assert "/launch/" not in shown


def test_a_campaign_is_paused_and_resumed(enqueued: list[int]) -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    Campaign.objects.update(status=Campaign.Status.SENDING)

    marketer.post(place(campaign, "pause"))
    campaign.refresh_from_db()
    paused = campaign.status
    marketer.post(place(campaign, "resume"))

    campaign.refresh_from_db()
    assert (paused, campaign.status) == (Campaign.Status.PAUSED, Campaign.Status.SENDING)
    assert enqueued == [campaign.pk]


def test_an_incomplete_campaign_says_what_is_missing(enqueued: list[int]) -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    Campaign.objects.update(sender=None)

    shown = page(marketer, place(campaign))
    refused = marketer.post(place(campaign, "launch"), follow=True).content.decode()

    assert "Choose a sender identity." in shown
    assert "Launch…" not in shown
    assert "Choose a sender identity." in refused
    assert enqueued == []


# Results


def test_results_show_figures_reasons_and_arms() -> None:
    campaign = make.campaign()
    make.experiment(campaign)
    make.person(1)
    make.person(2, granted=["profiling"])
    make.launched(campaign)
    make.tracked(Send.objects.get(state="sent"), is_machine=True)

    shown = page(client_of("marketer"), place(campaign))

    assert "No consent to this kind of mail" in shown
    assert "By arm: Subject line" in shown
    assert "1 opens, 0 clicks" in shown
    assert "openings by scanners and proxies are not counted" in shown


def test_what_was_not_recorded_is_not_shown_as_zero() -> None:
    campaign = make.campaign()
    make.send(campaign, make.person())
    Campaign.objects.update(status="sent", has_tracking=False, is_imported=True)

    shown = page(client_of("marketer"), place(campaign))

    # Delivered, opened, clicked, unsubscribed.
    assert shown.count('<dd class="is-missing">not recorded</dd>') == 4


def test_the_problem_of_a_mail_server_is_on_the_page_and_in_the_list() -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    problem = "The mail server at 127.0.0.1:2525 does not answer."
    Campaign.objects.update(status="sending", problem=problem)

    assert problem in page(marketer, place(campaign))
    assert "Needs attention" in page(marketer, LIST)


def test_a_segment_that_breaks_under_a_running_campaign_is_on_its_page() -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    campaign.segments.add(segment("germans"))
    make.person()
    lifecycle.launch(campaign, now=make.NOON)
    assert "cannot be counted any more" not in page(marketer, place(campaign))

    Field.objects.filter(name="country").delete()
    upkeep.catch_up(now=make.NOON)

    shown = page(marketer, place(campaign))
    assert "Its audience cannot be counted any more" in shown
    assert "The segment “Segment germans” is broken and cannot be used" in shown
    # Whoever was planned is: a mail that was promised does not hang on the field.
    assert Send.objects.get().state == "planned"


def test_list_shows_progress_in_words() -> None:
    campaign = make.campaign()
    for who, state in zip(make.people(3), ("sent", "sent", "planned"), strict=True):
        make.send(campaign, who, state=state)

    assert "2 of 3" in page(client_of("marketer"), LIST)


# Preview


def test_a_preview_by_customer_number_keeps_the_number_out_of_the_address() -> None:
    campaign, subject, marketer = make.campaign(), make.person(7), client_of("marketer")

    response = marketer.post(place(campaign, "preview"), {"number": "C7"})

    assert response["Location"] == f"{place(campaign, 'preview')}{subject.pk}/"
    shown = page(marketer, response["Location"])
    assert "A***, your picks" in shown
    assert "anna7@example.com" not in shown
    assert "Lives in Germany" in shown


def test_a_preview_frame_runs_no_scripts_and_tracks_nothing() -> None:
    campaign, subject = make.campaign(), make.person()
    address = f"{place(campaign, 'preview')}{subject.pk}/"
    marketer = client_of("marketer")

    shown = page(marketer, address)
    response = marketer.get(f"{address}html/")

    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "allow-scripts" not in policy
    assert "Made in Germany" in response.content.decode()
    assert (Send.objects.count(), Receipt.objects.count()) == (0, 0)


def test_an_unknown_customer_number_is_said() -> None:
    campaign = make.campaign()

    response = client_of("marketer").post(place(campaign, "preview"), {"number": "?"}, follow=True)

    assert "There is no customer with this number." in response.content.decode()


def test_compliance_sees_names_in_a_preview_and_that_is_noted() -> None:
    campaign, subject = make.campaign(), make.person()

    shown = page(client_of("compliance"), f"{place(campaign, 'preview')}{subject.pk}/")

    assert "Anna, your picks" in shown
    assert AuditEntry.objects.filter(action="personal_data.view").count() == 1


# Forms


def test_a_launched_campaign_and_its_experiment_are_locked() -> None:
    campaign = make.campaign()
    experiment = make.experiment(campaign)
    marketer = client_of("marketer")
    Campaign.objects.update(launched_at=make.NOON, status="sending")

    form = page(marketer, place(campaign, "change"))
    response = marketer.post(f"/admin/campaigns/experiment/{experiment.pk}/change/", {"name": "X"})

    assert 'name="name"' in form
    assert 'name="template"' not in form
    assert 'name="slots-0-ruleset"' not in form
    assert response.status_code == 403
    assert Experiment.objects.get().name == "Subject line"


def experiment_form(campaign: Campaign) -> dict[str, object]:
    return {
        "campaign": campaign.pk,
        "name": "Test",
        "hypothesis": "",
        "metric": "clicked",
        "holdout_percent": 5,
        "arms-TOTAL_FORMS": 2,
        "arms-INITIAL_FORMS": 0,
        "arms-0-key": "a",
        "arms-0-name": "A",
        "arms-0-weight": 1,
        "arms-1-key": "b",
        "arms-1-name": "B",
        "arms-1-weight": 1,
    }


def test_an_experiment_gets_a_seed_of_its_own() -> None:
    campaign, marketer = make.campaign(), client_of("marketer")

    marketer.post("/admin/campaigns/experiment/add/", experiment_form(campaign))

    made = Experiment.objects.get()
    assert len(made.seed) == 16
    assert made.arms.count() == 2


def test_a_launched_campaign_takes_no_new_experiment() -> None:
    campaign, marketer = make.campaign(), client_of("marketer")
    Campaign.objects.update(launched_at=make.NOON)

    response = marketer.post("/admin/campaigns/experiment/add/", experiment_form(campaign))

    assert "Select a valid choice." in response.content.decode()
    assert not Experiment.objects.exists()


# The frame


@pytest.mark.parametrize(
    ("role", "sees", "not_sees"),
    [
        ("marketer", ["campaign", "senderidentity", "send"], ["user"]),
        ("compliance", ["send", "campaign"], ["user"]),
        ("admin", ["campaign", "send", "experiment"], []),
    ],
)
def test_the_sidebar_shows_what_a_role_may_see(
    role: str, sees: list[str], not_sees: list[str]
) -> None:
    shown = page(client_of(role), "/admin/")

    for model in sees:
        assert f'href="/admin/campaigns/{model}/"' in shown
    for model in not_sees:
        assert f'href="/admin/auth/{model}/"' not in shown


@pytest.mark.parametrize("address", ["/admin/", LIST, f"{LIST}add/", "/admin/campaigns/send/"])
def test_the_shift_of_the_demo_is_in_every_footer(address: str) -> None:
    DemoInstallation.objects.create(dataset="x", label="The Complete Journey", shift_weeks=461)

    shown = page(client_of("marketer"), address)

    assert shown.count("Demo data: The Complete Journey, times moved forward by 461 weeks.") == 1


def test_a_fresh_home_page_teaches_the_first_steps() -> None:
    shown = page(client_of("marketer"), "/admin/")

    assert "Three steps to your first personalised mail." in shown
    assert "/admin/campaigns/senderidentity/add/" in shown


def test_home_shows_figures_campaigns_and_trouble() -> None:
    campaign = make.campaign()
    make.send(campaign, make.person())
    Campaign.objects.update(problem="The mail server does not answer.")

    shown = page(client_of("marketer"), "/admin/")

    assert "Three steps" not in shown
    assert "Spring: The mail server does not answer." in shown
    assert '"sent": [0, ' in shown


def test_staff_without_a_role_see_no_figures() -> None:
    make.send(make.campaign(), make.person())
    visitor = Client()
    visitor.force_login(User.objects.create_user("visitor", is_staff=True))

    assert "Your account may not see results." in page(visitor, "/admin/")


# Queries


def _campaigns(numbers: range) -> None:
    for number in numbers:
        campaign = make.campaign(f"Campaign {number}", slug=f"c{number}")
        make.experiment(campaign)
        make.send(campaign, make.person(number))


def _senders(numbers: range) -> None:
    for number in numbers:
        SenderIdentity.objects.create(name=f"S{number}", from_email=f"s{number}@example.com")


@pytest.mark.parametrize(
    ("address", "grow"),
    [
        (LIST, _campaigns),
        ("/admin/campaigns/experiment/", _campaigns),
        ("/admin/campaigns/senderidentity/", _senders),
        ("/admin/", _campaigns),
    ],
)
def test_lists_take_as_many_queries_for_many_rows_as_for_few(
    address: str, grow: Callable[[range], None]
) -> None:
    marketer = client_of("marketer")
    grow(range(2))
    few = queries(marketer, address)
    grow(range(2, 9))

    assert queries(marketer, address) == few
