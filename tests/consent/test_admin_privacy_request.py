"""The pages of privacy requests: the countdown, and who may close one."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent import requests
from consent.models import PrivacyRequest
from tests.browser import DESKTOP, PHONE, Open, overflow
from tests.consent.people import subject
from tests.personalization.factories import client_of, queries

LIST = "admin:consent_privacyrequest_changelist"


def asked(reference: str, *, due_in: timedelta, kind: str = "erasure") -> PrivacyRequest:
    request = requests.take(
        kind,
        subject=None if kind == "shop_erasure" else subject(f"{reference}@example.com"),
        source="webhook:shopify",
        reference=reference,
        received_at=timezone.now(),
    )
    PrivacyRequest.objects.filter(pk=request.pk).update(due_at=timezone.now() + due_in)
    return PrivacyRequest.objects.get(pk=request.pk)


def page(request: PrivacyRequest) -> str:
    return reverse("admin:consent_privacyrequest_change", args=[request.pk])


def close(client: Client, request: PrivacyRequest, **given: str) -> int:
    url = reverse("admin:consent_privacyrequest_close", args=[request.pk])
    return client.post(url, given).status_code


@pytest.mark.parametrize(
    ("due_in", "words"),
    [
        (timedelta(days=20, hours=1), ("20 days left", "21 days left")),
        (timedelta(days=1), ("1 day left",)),
        (timedelta(days=-3), ("3 days overdue",)),
        (timedelta(minutes=-1), ("Overdue", "1 day overdue")),
    ],
)
@pytest.mark.usefixtures("roles")
def test_the_list_counts_down(due_in: timedelta, words: tuple[str, ...]) -> None:
    asked("r", due_in=due_in)

    shown = client_of("compliance").get(reverse(LIST)).content.decode()

    assert any(word in shown for word in words)


@pytest.mark.usefixtures("roles")
def test_the_list_takes_the_same_queries_for_2_and_for_12_rows() -> None:
    client = client_of("compliance")
    counts = []
    for numbers in (range(2), range(2, 12)):
        for number in numbers:
            asked(f"r{number}", due_in=timedelta(days=number))
        counts.append(queries(client, reverse(LIST)))

    assert counts[0] == counts[1]


@pytest.mark.usefixtures("roles")
def test_an_overdue_request_is_found_by_its_filter() -> None:
    late = asked("late", due_in=timedelta(days=-1))
    asked("early", due_in=timedelta(days=9))

    shown = client_of("compliance").get(reverse(LIST), {"state": "overdue"})

    assert list(shown.context["cl"].result_list) == [late]


@pytest.mark.usefixtures("roles")
def test_compliance_closes_a_request_with_a_note() -> None:
    request, client = asked("r", due_in=timedelta(days=9)), client_of("compliance")

    without_note = close(client, request, state="done", note=" ")
    still_open = PrivacyRequest.objects.get().state
    close(client, request, state="done", note="sent, ticket 4711")

    assert (without_note, still_open) == (302, "received")
    closed = PrivacyRequest.objects.get()
    assert (closed.state, closed.note) == ("done", "sent, ticket 4711")
    assert isinstance(closed.done_at, datetime)
    assert "sent, ticket 4711" in client.get(page(closed)).content.decode()


@pytest.mark.parametrize("role", ["marketer", "analyst", "approver"])
@pytest.mark.usefixtures("roles")
def test_others_neither_see_nor_close_requests(role: str) -> None:
    request, client = asked("r", due_in=timedelta(days=9)), client_of(role)

    assert client.get(page(request)).status_code == 403
    assert close(client, request, state="done", note="x") == 403
    assert PrivacyRequest.objects.get().state == "received"


@pytest.mark.usefixtures("roles")
def test_the_page_says_honestly_what_is_done_by_hand() -> None:
    request = asked("r", due_in=timedelta(days=9))

    shown = client_of("compliance").get(page(request)).content.decode()

    assert "does not carry out exports and erasures by itself yet" in shown
    assert request.subject is not None
    assert str(request.subject.pseudonym) in shown


@pytest.mark.browser
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_pages_fit_a_desktop_and_a_phone(open_as: Open) -> None:
    request = asked("a", due_in=timedelta(days=3))
    asked("b", due_in=timedelta(days=-2), kind="export")
    asked("c", due_in=timedelta(days=25), kind="shop_erasure")

    for address in (reverse(LIST), page(request)):
        for width in (DESKTOP, PHONE):
            assert overflow(open_as("compliance", address, width=width)) <= 0
