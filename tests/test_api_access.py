"""Who may call what: every endpoint of the API, taken from the URL table itself."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from oauth2_provider.models import AccessToken
from rest_framework.views import APIView

from consent import keys, oauth
from consent.api.authentication import scopes_of
from consent.models import ApiKey
from personalization.models import Feed
from personalization.serving import feeds

pytestmark = pytest.mark.django_db
# What everybody may read: the description itself, and that an address is none.
OPEN = {"/api/v1/schema/", "/api/v1/docs/", "/api/v1/"}


def endpoints() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Method, address and scopes of every view of the API; any of the scopes lets in."""
    for address, view in sorted(_views(get_resolver(), "/")):
        if address in OPEN or address.startswith("/api/v1/feeds/"):
            continue
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(view, method):
                scopes = scopes_of(view, method=method)
                assert set(scopes) <= set(ApiKey.Scope.values), address
                yield method, address, scopes


def _views(resolver: URLResolver, start: str) -> Iterator[tuple[str, type[APIView]]]:
    for pattern in resolver.url_patterns:
        path = start + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, path)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None) or getattr(
                pattern.callback, "cls", None
            )
            address = _filled(path)
            if view is not None and address.startswith("/api/v1/"):
                yield address, view


def _filled(path: str) -> str:
    path = re.sub(r"\(\?P<\w+>(\[\^/\]\+|\.\+\?)\)", "x", path).replace("(?P<pk>[0-9]+)", "1")
    return path.replace("^", "").replace("/?$", "/").replace("$", "")


EVERY = list(endpoints())


def call(method: str, address: str, secret: str | None) -> int:
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    answer = getattr(Client(), method)(address, headers=headers, content_type="application/json")
    if answer.status_code in (401, 403):
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["WWW-Authenticate"].startswith("Bearer")
    return int(answer.status_code)


def token(*scopes: str) -> tuple[str, oauth.Made]:
    made = oauth.make("Mailer", scopes=scopes, actor=None)
    form = {
        "grant_type": "client_credentials",
        "client_id": made.row.client_id,
        "client_secret": made.secret,
    }
    return str(Client().post("/oauth/token/", form).json()["access_token"]), made


def test_the_table_is_found() -> None:
    assert {address for _, address, _ in EVERY} >= {
        "/api/v1/personalize/", "/api/v1/personalize/x/", "/api/v1/products/", "/api/v1/customers/",
        "/api/v1/recommendations/", "/api/v1/profiles/x/", "/api/v1/consents/",
        "/api/v1/privacy-requests/", "/api/v1/privacy-requests/1/",
    }  # fmt: skip


@pytest.mark.parametrize(("method", "address", "scopes"), EVERY)
def test_nobody_gets_in_without_a_key_that_holds(
    method: str, address: str, scopes: tuple[str, ...]
) -> None:
    scope = scopes[0]
    now = timezone.now()
    expired = keys.make(
        "Old", scopes=[scope], actor=None, now=now, expires_at=now - timedelta(seconds=1)
    )
    revoked = keys.make("Gone", scopes=[scope], actor=None, now=now)
    ApiKey.objects.filter(pk=revoked.row.pk).update(revoked_at=now)
    late, _ = token(scope)
    AccessToken.objects.update(expires=now - timedelta(seconds=1))
    ended, client = token(scope)
    client.row.revoked_at = now
    client.row.save()

    for secret in (None, "", "atk_wrong", "nonsense", expired.secret, revoked.secret, late, ended):
        assert call(method, address, secret) == 401, secret


@pytest.mark.parametrize(("method", "address", "scopes"), EVERY)
def test_another_scope_is_not_enough(method: str, address: str, scopes: tuple[str, ...]) -> None:
    others = [each for each in ApiKey.Scope.values if each not in scopes]
    key = keys.make("Other", scopes=others, actor=None, now=timezone.now())
    short, _ = token(*others)

    assert call(method, address, key.secret) == 403
    assert call(method, address, short) == 403


@pytest.mark.parametrize(("method", "address", "scopes"), EVERY)
def test_the_named_scope_lets_in(method: str, address: str, scopes: tuple[str, ...]) -> None:
    for scope in scopes:
        key = keys.make("Right", scopes=[scope], actor=None, now=timezone.now())
        right, _ = token(scope)

        assert call(method, address, key.secret) not in (401, 403, 500)
        assert call(method, address, right) not in (401, 403, 500)


def parameters() -> set[str]:
    """The names of all that an address may be followed by, as the description has them."""
    described = Client().get("/api/v1/schema/").content.decode()
    return {*re.findall(r"- in: query\n +name: (\w+)", described)}


HOSTILE = ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "%0a", "%E2%80%AE", "9" * 30, "x" * 3000)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:12])
@pytest.mark.parametrize(("method", "address", "scopes"), EVERY)
def test_no_text_in_an_address_is_a_fault_of_ours(
    method: str, address: str, scopes: tuple[str, ...], hostile: str
) -> None:
    key = keys.make("Right", scopes=scopes, actor=None, now=timezone.now())
    names = parameters()
    assert names >= {"source", "strategy", "limit", "message", "external_id"}

    asked = [f"{address}?external_id=C-1&{name}={hostile}" for name in sorted(names)]
    asked += [address.replace("/x/", f"/{hostile}/"), f"{address}?external_id={hostile}"]
    for each in asked:
        assert call(method, each, key.secret) not in (401, 403, 500), each


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("address", ["privacy-requests/null,null/", "nothing", "personalize/a/b/"])
def test_an_address_that_is_none_is_said_as_a_problem(method: str, address: str) -> None:
    answer = getattr(Client(), method)(f"/api/v1/{address}")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "no such address" in answer.json()["title"]


ACCEPTED = ["text/html", "application/xml", "image/*", "nonsense", "application/json;q=0", ""]


@pytest.mark.parametrize("accepted", ACCEPTED)
@pytest.mark.parametrize("address", ["personalize/hero", "profiles/C1/", "feeds/x.json"])
def test_whatever_is_accepted_the_answer_is_json(accepted: str, address: str) -> None:
    key = keys.make("Mailer", scopes=["decide"], actor=None, now=timezone.now())
    headers = {"Authorization": f"Bearer {key.secret}", "Accept": accepted}

    answer = Client().get(
        f"/api/v1/{address}", {"external_id": "1", "format": "xml"}, headers=headers
    )

    assert answer.status_code in (404, 503)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] != "Not found."


def test_what_breaks_is_a_problem_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("anna@example.com")

    monkeypatch.setattr(feeds, "body", broken)
    Feed.objects.create(slug="ours", name="Ours")

    answer = Client(raise_request_exception=False).get("/api/v1/feeds/ours.json")

    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "anna" not in answer.content.decode()


def test_a_host_nobody_serves_is_a_problem_of_the_api_only() -> None:
    for address, kind in (
        ("/api/v1/personalize/x", "application/problem+json"),
        ("/", "text/html"),
    ):
        answer = Client().get(address, headers={"host": "elsewhere.example"})

        assert answer.status_code == 400
        assert answer["Content-Type"].startswith(kind)


def test_the_slash_at_the_end_may_be_missing() -> None:
    for _, address, _ in EVERY:
        assert Client().put(address.removesuffix("/")).status_code in (401, 405), address
