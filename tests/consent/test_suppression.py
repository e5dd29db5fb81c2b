"""The suppression list stops an address, once a reason, until somebody answers for lifting it."""

import pytest
from django.contrib.auth.models import User

from consent import suppression
from consent.models import AuditEntry, Suppression
from tests.consent.people import NOON, subject

pytestmark = pytest.mark.django_db


def test_an_address_is_suppressed_once_for_each_reason() -> None:
    anna = subject()

    news = [
        suppression.suppress_subject(anna, reason=reason, source="test", at=NOON)
        for reason in ("complaint", "complaint", "hard_bounce")
    ]

    assert news == [True, False, True]
    assert Suppression.objects.count() == 2


def test_who_has_no_address_has_nothing_to_suppress() -> None:
    nobody = subject("", external_id="C-1")

    assert not suppression.suppress_subject(nobody, reason="manual", source="test", at=NOON)
    assert not Suppression.objects.exists()


def test_the_list_holds_no_address() -> None:
    suppression.suppress_subject(subject(), reason="manual", source="test", at=NOON)

    values = str(Suppression.objects.values().get())

    assert "anna" not in values


def test_lifting_is_noted_once_with_who_and_why_and_the_reason_can_come_back() -> None:
    anna, staff = subject(), User.objects.create_user("compliance")
    suppression.suppress_subject(anna, reason="complaint", source="test", at=NOON)
    entry = Suppression.objects.get()

    suppression.lift(entry, actor=staff, why="a mistake of the provider", at=NOON)
    suppression.lift(entry, actor=staff, why="again", at=NOON.replace(hour=15))

    note = AuditEntry.objects.get(action="suppression.lift")
    assert (note.actor_id, note.object_id) == (staff.pk, str(entry.pk))
    assert note.detail == {"why": "a mistake of the provider"}
    entry.refresh_from_db()
    assert entry.lifted_at == NOON
    assert suppression.suppress_subject(anna, reason="complaint", source="test", at=NOON)
