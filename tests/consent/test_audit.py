"""The audit log commits with the act, names nobody, and points at what was touched."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from consent import audit
from consent.models import AuditEntry
from tests.consent.people import subject

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_whom_by_pseudonym() -> None:
    anna, staff = subject(), User.objects.create_user("compliance")

    audit.note(
        "personal_data.view", actor=staff, target=anna, pseudonym=anna.pseudonym, detail={"n": 1}
    )

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_id, entry.detail) == (
        "personal_data.view",
        staff.pk,
        {"n": 1},
    )
    assert (entry.object_type, entry.object_id) == ("consent.datasubject", str(anna.pk))
    assert entry.pseudonym == anna.pseudonym
    assert "anna@" not in str(AuditEntry.objects.values().get())


def test_what_is_rolled_back_was_never_done() -> None:
    class Stop(Exception):
        pass

    def act() -> None:
        with transaction.atomic():
            audit.note("test.act")
            raise Stop

    with pytest.raises(Stop):
        act()

    assert not AuditEntry.objects.exists()


def test_the_system_and_a_visitor_have_no_account() -> None:
    audit.note("test.act", actor=AnonymousUser())
    audit.note("test.act")

    assert set(AuditEntry.objects.values_list("actor", flat=True)) == {None}
