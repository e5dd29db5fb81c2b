"""API keys in the admin: shown once, revoked with a question, kept from others."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from consent import keys
from consent.models import ApiKey
from tests.personalization.factories import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]

ADD = reverse("admin:consent_apikey_add")
LIST = reverse("admin:consent_apikey_changelist")


def test_a_new_key_is_shown_once_and_works() -> None:
    client = client_of("admin")

    answer = client.post(ADD, {"name": "Shop", "scopes": ["ingest"], "source": "shop"})

    text = answer.content.decode()
    shown = re.search(r"atk_[\w-]{43}", text)
    assert shown
    assert "no-store" in answer["Cache-Control"]
    row = keys.find(shown[0], now=timezone.now())
    assert row is not None
    assert (row.scopes, row.source) == (frozenset({"ingest"}), "shop")
    assert shown[0] not in client.get(LIST).content.decode()
    detail = reverse("admin:consent_apikey_change", args=[row.pk])
    assert shown[0] not in client.get(detail).content.decode()


def test_a_key_without_a_scope_is_not_made() -> None:
    answer = client_of("admin").post(ADD, {"name": "Shop"})

    assert "What it may do" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_revoking_asks_first() -> None:
    client = client_of("admin")
    made = keys.make("Shop", scopes=["ingest"], actor=None, now=timezone.now())
    chosen = {"action": "revoke", "_selected_action": [made.row.pk]}

    question = client.post(LIST, chosen)
    assert "Revoke 1 API key?" in question.content.decode()
    assert keys.find(made.secret, now=timezone.now()) is not None

    client.post(LIST, {**chosen, "sure": "1"})
    assert keys.find(made.secret, now=timezone.now()) is None


@pytest.mark.parametrize("role", ["marketer", "analyst", "approver"])
def test_others_see_no_keys(role: str) -> None:
    client = client_of(role)

    assert client.get(LIST).status_code == 403
    assert client.get(ADD).status_code == 403
