"""OAuth 2.0 client credentials: tokens for programs, with real clients, and when they end."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken
from oauthlib.oauth2 import BackendApplicationClient
from pytest_django.live_server_helper import LiveServer
from requests_oauthlib import OAuth2Session

from consent import callers, oauth
from consent.models import AuditEntry, OAuthClient
from tests.personalization.factories import client_of

pytestmark = pytest.mark.django_db
TOKEN = "/oauth/token/"
PRODUCTS = "/api/v1/products/"


def made(*scopes: str, **given: Any) -> oauth.Made:
    return oauth.make("Mailer", scopes=scopes or ("ingest",), actor=None, **given)


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def asked(given: oauth.Made, **form: str) -> Any:
    return Client().post(
        TOKEN,
        {"grant_type": "client_credentials", **form},
        headers=basic(given.row.client_id, given.secret),
    )


def token_of(given: oauth.Made, **form: str) -> str:
    answer = asked(given, **form)
    assert answer.status_code == 200, answer.content
    token: str = answer.json()["access_token"]
    return token


def put(token: str) -> int:
    answer = Client().put(
        PRODUCTS, b"[]", content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    return answer.status_code


def test_a_token_is_given_by_basic_and_by_form_with_or_without_the_last_slash() -> None:
    given = made()
    form = {
        "grant_type": "client_credentials",
        "client_id": given.row.client_id,
        "client_secret": given.secret,
    }

    answers = [asked(given), Client().post(TOKEN, form), Client().post(TOKEN[:-1], form)]

    for answer in answers:
        assert answer.status_code == 200
        told = answer.json()
        assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "ingest")
        assert "refresh_token" not in told
        assert put(told["access_token"]) == 200


def test_only_hashes_are_kept() -> None:
    given = made()
    token = token_of(given)

    row = OAuthClient.objects.get()
    assert given.secret not in row.client_secret
    assert AccessToken.objects.get().token == ""
    assert token not in str(AccessToken.objects.values())


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "invalid_grant"),
        ({"grant_type": "nonsense"}, 400, "unsupported_grant_type"),
        ({"scope": "privacy:write"}, 400, "invalid_scope"),
    ],
)
def test_what_is_refused_is_named_as_the_standard_names_it(
    change: dict[str, str], status: int, error: str
) -> None:
    given = made()
    form = {
        "grant_type": "client_credentials",
        "client_id": given.row.client_id,
        "client_secret": given.secret,
        **change,
    }

    answer = Client().post(TOKEN, form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_client_asks_for_less_than_it_may() -> None:
    token = token_of(made("ingest", "decide"), scope="decide")

    assert put(token) == 403


def test_an_expired_a_revoked_and_an_unknown_token_are_refused() -> None:
    given = made()
    late, revoked, kept = token_of(given), token_of(given), token_of(given)
    AccessToken.objects.order_by("pk").filter(pk=AccessToken.objects.order_by("pk")[0].pk).update(
        expires=timezone.now() - timedelta(seconds=1)
    )
    form = {
        "token": revoked,
        "client_id": given.row.client_id,
        "client_secret": given.secret,
    }
    assert Client().post("/oauth/revoke_token/", form).status_code == 200

    assert [put(token) for token in (late, revoked, kept, "unknown")] == [401, 401, 200, 401]


def test_revoking_a_client_ends_its_tokens_at_once() -> None:
    given = made()
    token = token_of(given)
    boss = User.objects.create_user("boss", is_staff=True)

    assert oauth.revoke(given.row, actor=boss, now=timezone.now())
    assert not oauth.revoke(given.row, actor=boss, now=timezone.now())

    assert put(token) == 401
    assert asked(given).status_code == 401
    assert AuditEntry.objects.filter(action="oauth_client.revoke").count() == 1


def test_a_scope_taken_from_the_client_is_taken_from_its_tokens() -> None:
    given = made("ingest", "decide")
    token = token_of(given)
    OAuthClient.objects.update(scopes=["decide"])

    caller = callers.find(token, now=timezone.now())

    assert caller is not None
    assert caller.scopes == {"decide"}
    assert put(token) == 403


def test_expired_tokens_are_forgotten() -> None:
    given = made()
    token_of(given)
    kept = token_of(given)
    AccessToken.objects.filter(pk=AccessToken.objects.order_by("pk")[0].pk).update(
        expires=timezone.now() - timedelta(seconds=1)
    )

    assert oauth.forget_expired(now=timezone.now()) == 1
    assert put(kept) == 200


@pytest.mark.django_db(transaction=True)
def test_authlib_and_requests_oauthlib_fetch_tokens_and_call(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test's server speaks plain HTTP, which the client refuses by itself.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    given = made()
    url = f"{live_server.url}{TOKEN}"

    for way in ("client_secret_basic", "client_secret_post"):
        authlib = AuthlibSession(
            given.row.client_id, given.secret, token_endpoint_auth_method=way, scope="ingest"
        )
        token = authlib.fetch_token(url, grant_type="client_credentials")
        assert token["expires_in"] == 3600
        assert authlib.put(f"{live_server.url}{PRODUCTS}", json=[]).status_code == 200

    requests = OAuth2Session(client=BackendApplicationClient(client_id=given.row.client_id))
    requests.fetch_token(
        url, client_id=given.row.client_id, client_secret=given.secret, include_client_id=True
    )
    assert requests.put(f"{live_server.url}{PRODUCTS}", json=[]).status_code == 200


@pytest.mark.usefixtures("roles")
def test_the_page_shows_id_and_secret_once() -> None:
    client = client_of("admin")
    add = reverse("admin:consent_oauthclient_add")

    answer = client.post(add, {"name": "Mailer", "scopes": ["decide"], "source": ""})

    row = OAuthClient.objects.get()
    text = answer.content.decode()
    assert row.client_id in text
    assert "no-store" in answer["Cache-Control"]
    shown = client.get(reverse("admin:consent_oauthclient_change", args=[row.pk]))
    assert row.client_secret not in shown.content.decode()
    assert client_of("marketer").get(add).status_code == 403


@pytest.mark.usefixtures("roles")
def test_the_librarys_own_pages_are_not_there() -> None:
    assert client_of("admin").get("/admin/oauth2_provider/accesstoken/").status_code == 404
