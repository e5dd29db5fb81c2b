"""Keys for programs: shown once, found by hash, revoked, expired."""

import hashlib
from datetime import datetime, timedelta

import pytest

from consent import keys
from consent.models import ApiKey, AuditEntry
from tests.campaigns.factories import staff
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db


def made(*, expires_at: datetime | None = None) -> keys.Made:
    return keys.make("Shop", scopes=["ingest"], actor=None, now=NOON, expires_at=expires_at)


def held(new: keys.Made) -> keys.Held:
    return keys.Held(new.row.pk, "Shop", frozenset({"ingest"}), "")


def test_a_key_is_found_by_what_was_shown_once_and_only_its_hash_is_kept() -> None:
    new = made()

    assert keys.find(new.secret, now=NOON) == held(new)
    assert new.secret.startswith("atk_")
    assert len(new.secret) >= 47
    row = ApiKey.objects.values().get()
    assert row["hash"] == hashlib.sha256(new.secret.encode()).hexdigest()
    assert new.secret not in str(row)
    assert new.secret not in repr(new)


def test_two_keys_differ() -> None:
    assert made().secret != made().secret


@pytest.mark.parametrize("wrong", ["", "atk_", "atk_" + "x" * 43, "ätk", "\udcff", "a\0b"])
def test_another_key_is_not_found(wrong: str) -> None:
    made()

    assert keys.find(wrong, now=NOON) is None


@pytest.mark.usefixtures("roles")
def test_a_revoked_key_is_refused_and_the_act_noted_once() -> None:
    new, actor = made(), staff("admin")

    first = keys.revoke(new.row, actor=actor, now=NOON)
    second = keys.revoke(new.row, actor=actor, now=NOON + timedelta(hours=1))

    assert (first, second) == (True, False)
    assert keys.find(new.secret, now=NOON) is None
    assert ApiKey.objects.get().revoked_at == NOON
    assert AuditEntry.objects.filter(action="api_key.revoke", actor=actor).count() == 1


def test_a_key_holds_until_it_expires() -> None:
    new = made(expires_at=NOON)

    assert keys.find(new.secret, now=NOON - timedelta(seconds=1)) == held(new)
    assert keys.find(new.secret, now=NOON) is None


def test_last_use_is_noted_to_the_minute() -> None:
    new = made()
    keys.find(new.secret, now=NOON)

    keys.find(new.secret, now=NOON + timedelta(seconds=59))
    assert ApiKey.objects.get().last_used_at == NOON

    keys.find(new.secret, now=NOON + timedelta(seconds=60))
    assert ApiKey.objects.get().last_used_at == NOON + timedelta(seconds=60)
