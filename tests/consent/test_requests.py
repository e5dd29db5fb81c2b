"""Requests under the law: taken once, due after a month by the calendar, closed with a reason."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from consent import requests
from consent.models import AuditEntry, PrivacyRequest
from tests.consent.people import NOON, subject

pytestmark = pytest.mark.django_db


def taken(reference: str = "r1", *, kind: str = "erasure", at: datetime = NOON) -> PrivacyRequest:
    return requests.take(
        kind, subject=subject(), source="webhook:shop", reference=reference, received_at=at
    )


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ((2026, 3, 2), (2026, 4, 2)),
        ((2026, 1, 31), (2026, 2, 28)),
        ((2028, 1, 31), (2028, 2, 29)),
        ((2026, 3, 31), (2026, 4, 30)),
        ((2026, 12, 15), (2027, 1, 15)),
        ((2026, 2, 28), (2026, 3, 28)),
    ],
)
def test_a_request_is_due_after_a_month_by_the_calendar(
    received: tuple[int, int, int], due: tuple[int, int, int]
) -> None:
    at = datetime(*received, 23, 30, tzinfo=UTC)

    assert requests.due(at) == datetime(*due, 23, 30, tzinfo=UTC)


def test_the_hour_stays_the_same_over_a_change_of_the_clocks() -> None:
    with timezone.override(ZoneInfo("Europe/Vienna")):
        due = requests.due(datetime(2026, 3, 10, 8, 0, tzinfo=UTC))

    # 9 o'clock in Vienna before and after the change, which is 7 o'clock UTC then.
    assert due.astimezone(UTC) == datetime(2026, 4, 10, 7, 0, tzinfo=UTC)


def test_the_same_reference_asks_for_it_once() -> None:
    first = taken()
    again = taken()

    assert first == again
    assert PrivacyRequest.objects.count() == 1
    assert AuditEntry.objects.filter(action="privacy_request.receive").count() == 1


def test_another_reference_or_kind_is_another_request() -> None:
    taken()
    taken("r2")
    taken(kind="export")
    taken("")
    taken("")

    assert PrivacyRequest.objects.count() == 5


def test_a_request_of_nobody_we_know_says_so() -> None:
    request = requests.take(
        "export", subject=None, source="webhook:shop", reference="r", received_at=NOON
    )

    assert (request.subject, request.note) == (None, "names nobody we know")


def test_closing_keeps_how_it_was_answered_and_by_whom() -> None:
    request, officer = taken(), User.objects.create(username="officer")

    is_closed = requests.close(request, state="done", note="sent", actor=officer, now=NOON)
    again = requests.close(request, state="rejected", note="no", actor=officer, now=NOON)

    request.refresh_from_db()
    assert (is_closed, again) == (True, False)
    assert (request.state, request.note, request.done_at) == ("done", "sent", NOON)
    assert request.handled_by == officer
    entry = AuditEntry.objects.get(action="privacy_request.done")
    assert request.subject is not None
    assert entry.pseudonym == request.subject.pseudonym


def test_a_request_cannot_be_closed_as_received() -> None:
    with pytest.raises(ValueError, match="done or rejected"):
        requests.close(
            taken(), state="received", note="x", actor=User.objects.create(username="o"), now=NOON
        )
