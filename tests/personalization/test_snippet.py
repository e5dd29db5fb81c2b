"""The script and the pixel of a website, as the server gives them."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from personalization.ingest import callers, inbox
from personalization.models import InboxEvent, Source
from personalization.sources import browser
from personalization.sources.browser import LARGEST_BYTES

pytestmark = pytest.mark.django_db
KEY = "wk_pixel"


@pytest.fixture
def website() -> Source:
    callers.forget()
    return Source.objects.create(slug="web", name="Web", kind="collector", write_key=KEY)


def waiting() -> dict[str, object]:
    row = InboxEvent.objects.get(quarantined_at=None)
    return inbox.open_payload(row.payload, message_id=row.message_id)


def test_the_script_is_at_most_5_kb_as_served() -> None:
    answer = Client().get("/attune.js", {"key": KEY})

    assert answer.status_code == 200
    assert 4_000 < len(answer.content) <= LARGEST_BYTES
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "max-age=3600" in answer["Cache-Control"]
    assert "Set-Cookie" not in answer


def test_a_browser_that_has_the_script_is_told_so() -> None:
    first = Client().get("/attune.js")

    again = Client().get("/attune.js", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


def test_what_is_served_is_the_source_without_comments_and_spaces() -> None:
    small = browser.compact(
        '// Says what.\nconst a = (b) => {\n  // Why.\n  return b + " // c ; d ";\n};\n'
    )

    assert small == 'const a=(b)=>{return b+" // c ; d "};'


def test_the_source_keeps_the_rules_that_make_it_small_safely() -> None:
    served = browser.script().body.decode()

    assert "//" not in served.replace('"//', "")
    assert "`" not in served
    assert not re.search(r"/[^/\n]* [^/\n]*/\.test", served)


def test_a_pixel_brings_an_event_in(website: Source) -> None:
    query = {"key": KEY, "event": "Guide Opened", "userId": "c-1", "messageId": "m-1", "page": "3"}

    answer = Client().get("/pixel.gif", query)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert len(answer.content) == 43
    assert "no-store" in answer["Cache-Control"]
    found = waiting()
    assert (found["type"], found["event"], found["external_id"]) == ("track", "Guide Opened", "c-1")
    assert (found["message_id"], found["properties"]) == ("m-1", {"page": "3"})


def test_a_pixel_without_an_event_is_a_page_that_was_seen(website: Source) -> None:
    Client().get("/pixel.gif", {"writeKey": KEY, "anonymous_id": "a-1"})

    found = waiting()
    assert (found["type"], found["event"]) == ("page", "Page Viewed")
    assert found["anonymous_id"] == "a-1"


@pytest.mark.parametrize(
    "query",
    [
        {"key": KEY, "event": "Guide Opened"},
        {"key": KEY, "userId": "c-1", "event": "x" * 300},
        {"key": KEY, "userId": "c-1", "note": "a\0b"},
        {"key": KEY, "userId": "c-1", "timestamp": "yesterday"},
    ],
)
def test_a_faulty_pixel_shows_all_the_same_and_waits_in_quarantine(
    website: Source, query: dict[str, str]
) -> None:
    answer = Client().get("/pixel.gif", query)

    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert InboxEvent.objects.get().quarantined_at is not None


@pytest.mark.parametrize("query", [{}, {"key": "wrong"}, {"key": "\0"}, {"key": KEY * 99}])
def test_a_pixel_of_nobody_shows_and_stores_nothing(query: dict[str, str]) -> None:
    answer = Client().get("/pixel.gif", query)

    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert not InboxEvent.objects.exists()


def test_a_pixel_in_the_future_is_of_now(website: Source) -> None:
    later = timezone.now() + timedelta(days=3)

    Client().get("/pixel.gif", {"key": KEY, "userId": "c", "timestamp": later.isoformat()})

    assert str(waiting()["timestamp"]) < later.isoformat()


def test_a_privacy_signal_is_obeyed_and_said_to_be() -> None:
    answer = Client().get("/.well-known/gpc.json")

    assert answer["Content-Type"] == "application/json"
    assert answer.json()["gpc"] is True
