"""What programs ask comes in by a shorter way, and is answered as by the long one."""

import io
import re
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test.utils import override_settings
from django.utils.module_loading import import_string

from config.doors import ForPrograms, apart
from tests.personalization.conftest import served_afresh
from tests.personalization.decision_support import key, people, slot

__all__ = ["served_afresh"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served_afresh")]

ASKED = "external_id=C1&message=spring"
ONE = "/api/v1/personalize/hero"
MANY = "/api/v1/personalize/"


def ask(handler: WSGIHandler, path: str, query: str = "", **given: str) -> tuple[Any, ...]:
    """Return status, headers, cookies and body."""
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), **given,
    }  # fmt: skip
    answer: Any = handler.get_response(WSGIRequest(environ))
    # How many seconds are left is a matter of when one asks.
    headers = {name: re.sub("age=[0-9]+", "", value) for name, value in answer.items()}
    return answer.status_code, headers, answer.cookies, answer.content


@pytest.mark.parametrize(
    ("path", "query", "given", "status"),
    [
        (ONE, ASKED, {}, 200),
        (f"{ONE}/", ASKED, {"HTTP_COOKIE": "messages=c"}, 200),
        (ONE, ASKED, {"REQUEST_METHOD": "HEAD"}, 200),
        (ONE, ASKED, {"REQUEST_METHOD": "POST"}, 405),
        (ONE, ASKED, {"HTTP_AUTHORIZATION": "Bearer none"}, 401),
        (ONE, ASKED, {"HTTP_ACCEPT": "text/html"}, 200),
        (ONE, ASKED, {"HTTP_ACCEPT": "text/html, */*"}, 200),
        (ONE, f"{ASKED}&format=xml", {}, 200),
        (ONE, ASKED, {"HTTP_HOST": "elsewhere.example.com"}, 400),
        (ONE, "email=anna1@example.com", {}, 400),
        (MANY, "", {"REQUEST_METHOD": "POST"}, 400),
        (f"{MANY}a/b", "", {}, 404),
    ],
)
def test_both_ways_give_the_same_answer(
    path: str, query: str, given: dict[str, str], status: int
) -> None:
    people()
    slot()
    given = {"HTTP_AUTHORIZATION": f"Bearer {key()}"} | given

    long, short = (ask(each(), path, query, **given) for each in (WSGIHandler, ForPrograms))

    assert short == long
    assert short[0] == status


@override_settings(SECURE_SSL_REDIRECT=True)
def test_the_short_way_leads_to_tls_as_well() -> None:
    status, headers, *_ = ask(ForPrograms(), ONE, ASKED)

    assert (status, headers["Location"]) == (301, f"https://testserver{ONE}?{ASKED}")


def test_what_pages_have_is_left_out_and_the_settings_stay_as_they_are() -> None:
    before = list(settings.MIDDLEWARE)

    ForPrograms()

    assert before == settings.MIDDLEWARE
    assert set(settings.ATTUNE_PAGES_ONLY) < set(before)
    assert all(map(import_string, settings.ATTUNE_PAGES_ONLY))


def test_only_what_programs_ask_goes_the_short_way() -> None:
    application = apart(pages=lambda *_: [b"page"], programs=lambda *_: [b"program"])
    paths = (ONE, MANY, "/", "/admin/", "/api/v1/docs/", "/api/v1/profiles/C1/")

    found = [ask_plainly(application, path) for path in paths]

    assert found == [b"program", b"program", b"page", b"page", b"page", b"page"]


def ask_plainly(application: Any, path: str) -> bytes:
    return b"".join(application({"PATH_INFO": path}, None))
