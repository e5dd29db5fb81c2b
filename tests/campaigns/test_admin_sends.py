import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Send
from consent.models import AuditEntry
from tests.campaigns import factories as make
from tests.campaigns.admin_support import client_of, page, queries
from tests.campaigns.factories import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
LIST = "/admin/campaigns/send/"


def why(send: Send) -> str:
    return f"{LIST}{send.pk}/why/"


def real_send() -> Send:
    campaign = make.campaign()
    make.person()
    make.launched(campaign)
    return Send.objects.get()


@pytest.mark.parametrize("address", [LIST, "why"])
def test_a_marketer_sees_a_masked_address(address: str) -> None:
    send = real_send()

    shown = page(client_of("marketer"), why(send) if address == "why" else address)

    assert "a***@e***.com" in shown
    assert "anna1@example.com" not in shown
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


@pytest.mark.parametrize("address", [LIST, "why"])
def test_compliance_sees_it_in_clear_and_the_look_is_noted(address: str) -> None:
    send = real_send()

    shown = page(client_of("compliance"), why(send) if address == "why" else address)

    assert "anna1@example.com" in shown
    noted = AuditEntry.objects.filter(action="personal_data.view")
    assert noted.exists()
    assert "anna" not in str(list(noted.values()))


def test_a_mail_is_found_by_its_key_and_by_nothing_personal() -> None:
    campaign = make.campaign()
    first, second = (make.send(campaign, who) for who in make.people(2))
    marketer = client_of("marketer")

    found = page(marketer, f"{LIST}?q={first.message_key}")

    assert why(first) in found
    assert why(second) not in found
    assert why(second) in page(marketer, f"{LIST}?q={second.pk}")
    for nobody in ("anna1@example.com", uuid.uuid4(), "9" * 30):
        assert "/why/" not in page(marketer, f"{LIST}?q={nobody}")


def test_sends_are_filtered_by_state_and_reason() -> None:
    campaign = make.campaign()
    sent, skipped = make.people(2)
    kept = make.send(campaign, sent)
    left_out = make.send(campaign, skipped, state="skipped", reason="no_consent")
    marketer = client_of("marketer")

    by_reason = page(marketer, f"{LIST}?reason=no_consent")

    assert why(left_out) in by_reason
    assert why(kept) not in by_reason
    assert "No consent to this kind of mail" in by_reason
    assert why(left_out) not in page(marketer, f"{LIST}?state__exact=sent")


def test_why_tells_rule_content_permission_and_timeline() -> None:
    send = real_send()
    make.tracked(send, "clicked", at=NOON + timedelta(hours=1))

    shown = page(client_of("marketer"), why(send))

    for words in (
        "Lives in Germany",
        "this rule decided",
        "Made in Germany",
        "Hero block",
        "Marketing email",
        "Spring template, version 1",
        str(send.message_key),
        "Clicked",
    ):
        assert words in shown


def test_values_behind_a_decision_are_for_compliance_only() -> None:
    send = real_send()

    for_marketer = page(client_of("marketer"), why(send))
    for_compliance = page(client_of("compliance"), why(send))

    assert "The values are sealed." in for_marketer
    assert "Berlin" not in for_marketer
    assert "Berlin" in for_compliance
    entry = AuditEntry.objects.get(action="personal_data.view", detail__what="receipt")
    assert entry.pseudonym == send.subject.pseudonym


def test_why_of_a_skipped_person_gives_the_reason_only() -> None:
    campaign = make.campaign()
    make.person(granted=[])
    make.launched(campaign)

    shown = page(client_of("marketer"), why(Send.objects.get()))

    assert "No consent to this kind of mail." in shown
    assert "nothing is computed about a person who gets no mail" in shown


@pytest.mark.parametrize("model", ["send", "trackingevent", "conversion"])
def test_ledgers_are_read_only_even_for_an_admin(model: str) -> None:
    send = real_send()
    rows = {
        "send": send,
        "trackingevent": make.tracked(send),
        "conversion": make.converted(send),
    }
    admin = client_of("admin")

    for action in ("add/", f"{rows[model].pk}/delete/"):
        assert admin.post(f"/admin/campaigns/{model}/{action}").status_code == 403
    assert admin.post(f"/admin/campaigns/{model}/{rows[model].pk}/change/").status_code == 403


def test_strangers_are_sent_to_the_login(client: Client) -> None:
    send = real_send()

    for address in (LIST, why(send)):
        assert client.get(address)["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("model", ["send", "trackingevent", "conversion"])
@pytest.mark.parametrize("role", ["marketer", "compliance"])
def test_lists_take_as_many_queries_for_many_rows_as_for_few(model: str, role: str) -> None:
    campaign, viewer = make.campaign(), client_of(role)
    address = f"/admin/campaigns/{model}/"
    few = 0
    for number, subject in enumerate(make.people(9)):
        send = make.send(campaign, subject)
        make.tracked(send)
        make.converted(send)
        if number == 1:
            few = queries(viewer, address)

    assert queries(viewer, address) == few


def settle(role: str, send: Send, *, action: str) -> None:
    client_of(role).post(LIST, {"action": action, "_selected_action": [send.pk]})
    send.refresh_from_db()


def doubtful(number: int = 1, *, minutes: int = -1) -> Send:
    """A mail in doubt, whose lease ends in so many minutes."""
    return make.send(
        make.campaign(slug=f"week-{number}"),
        make.person(number),
        state=Send.State.UNKNOWN,
        lease_until=timezone.now() + timedelta(minutes=minutes),
        handed_over_at=timezone.now(),
    )


@pytest.mark.parametrize(
    ("action", "state"),
    [("settle_as_arrived", Send.State.SENT), ("settle_as_lost", Send.State.PLANNED)],
)
def test_a_mail_in_doubt_is_settled_by_hand_and_noted(action: str, state: str) -> None:
    send = doubtful()

    settle("marketer", send, action=action)

    assert send.state == state
    assert AuditEntry.objects.filter(action="send.settle", object_id=str(send.pk)).exists()


def test_an_analyst_cannot_settle_and_a_running_lease_is_left_alone() -> None:
    send = doubtful()
    running = doubtful(2, minutes=1)

    settle("analyst", send, action="settle_as_lost")
    settle("marketer", running, action="settle_as_lost")

    assert {send.state, running.state} == {Send.State.UNKNOWN}
