"""Requests that real SDKs sent, replayed as they were: each leads to the right events."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from personalization.views import collector
from tests.personalization.collector_support import (
    brief,
    names_of_recordings,
    quarantined,
    recorded,
    send,
    source,
    waiting,
)

IDENTIFY, ALIAS = ("identify", "", "C-1"), ("alias", "", "C-1")
PAGE, VIEWED = ("page", "Page Viewed", "C-1"), ("track", "Product Viewed", "C-1")
LOOKED = ("track", "product_viewed", "C-1")
GROUP = ("group", "", "C-1")
RECORDED_AT = datetime(2026, 11, 23, 16, 33, tzinfo=UTC)
A_GROUP_ALONE = ("group", "", "d3f7918d-b923-4006-888e-04470d11cc57")

EXPECTED = {
    "segment_python": [IDENTIFY, PAGE, ("track", "Order Completed", "C-1"), ALIAS, GROUP],
    "segment_node": [IDENTIFY, PAGE, VIEWED],
    "rudder_python": [IDENTIFY, VIEWED, PAGE],
    "rudder_node": [IDENTIFY, VIEWED, ALIAS],
    "jitsu_node": [IDENTIFY, VIEWED, PAGE],
    # A view that says something of its person, too.
    "posthog_python": [IDENTIFY, VIEWED, IDENTIFY, ALIAS, A_GROUP_ALONE, PAGE],
    "posthog_node": [IDENTIFY, VIEWED, ALIAS],
    "snowplow_python": [PAGE, LOOKED, ("track", "add-to-cart", "C-1")],
    "snowplow_node": [PAGE, LOOKED],
    "cloudevents_python": [LOOKED, ("track", "product_added", "C-1")],
    "cloudevents_node": [LOOKED, LOOKED],
}
# Recorded in Chromium from a page with an address in its query. Requests overtake each other.
ANONYMOUS_PAGE = ("page", "Page Viewed", "anonymous")
IN_BROWSER = {
    "segment_browser": [IDENTIFY, PAGE, VIEWED],
    "rudder_browser": [IDENTIFY, ANONYMOUS_PAGE, VIEWED],
    "rudder_beacon": [IDENTIFY, ANONYMOUS_PAGE, VIEWED],
    "posthog_browser": [IDENTIFY, PAGE, ("track", "Product Viewed", "anonymous")],
    "snowplow_browser": [PAGE, LOOKED],
    "snowplow_pixel": [PAGE, LOOKED],
}


def replayed(name: str) -> list[dict[str, Any]]:
    source()
    answers = [send(request) for request in recorded(name)]

    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert quarantined() == []
    return waiting()


def test_every_recording_is_expected_to_lead_somewhere() -> None:
    assert names_of_recordings() == sorted({**EXPECTED, **IN_BROWSER})


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_client_brings_the_right_events(db: None, name: str) -> None:
    events = replayed(name)

    assert brief(events) == EXPECTED[name]


@pytest.mark.parametrize("name", IN_BROWSER)
def test_a_recorded_website_brings_the_right_events(db: None, name: str) -> None:
    events = replayed(name)

    found = [(e["type"], e["event"], e["external_id"] or "anonymous") for e in events]
    assert sorted(found) == IN_BROWSER[name]
    assert all(event["external_id"] or event["anonymous_id"] for event in events)
    assert {event["context"]["browser"] for event in events} == {"Chrome, computer"}
    assert {event["context"]["network"] for event in events} == {"127.0.0.0/24"}
    traits = [event["traits"] for event in events if event["type"] == "identify"]
    assert "anna" not in str([{**event, "traits": {}} for event in events])
    assert all(each["email"] == "anna@example.com" for each in traits)


@pytest.mark.parametrize("name", [*EXPECTED, *IN_BROWSER])
def test_the_same_requests_again_add_nothing(db: None, name: str) -> None:
    before = replayed(name)

    again = [send(request) for request in recorded(name)]

    assert {answer.status_code for answer in again} == {200}
    assert waiting() == before


@pytest.mark.parametrize("name", [n for n, events in EXPECTED.items() if IDENTIFY in events])
def test_what_a_client_says_of_a_person_arrives_as_traits(db: None, name: str) -> None:
    identify = replayed(name)[0]

    assert identify["traits"] == {"email": "anna@example.com"}


@pytest.mark.parametrize("name", [n for n, e in EXPECTED.items() if {VIEWED, LOOKED} & {*e}])
def test_properties_arrive_as_they_were_sent(db: None, name: str) -> None:
    event = next(e for e in replayed(name) if e["event"] in ("Product Viewed", "product_viewed"))

    assert event["properties"]["product_id"] == "P-1"
    assert event["properties"]["price"] == 12.75


@pytest.mark.parametrize("name", [n for n, events in EXPECTED.items() if ALIAS in events])
def test_an_alias_says_who_somebody_was(db: None, name: str) -> None:
    alias = next(event for event in replayed(name) if event["type"] == "alias")

    assert (alias["previous_id"], alias["external_id"]) == ("anon-1", "C-1")


@pytest.mark.parametrize(
    "name", ["segment_python", "segment_node", "rudder_python", "posthog_python", "rudder_node"]
)
def test_an_event_of_the_past_keeps_its_day(
    db: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All were recorded with a `timestamp` of 1 March, set by hand; taken in when recorded.

    Later the same bytes mean a later event: the time since they were sent is the clock's error.
    """
    monkeypatch.setattr(collector, "timezone", SimpleNamespace(now=lambda: RECORDED_AT))

    assert any(event["timestamp"].startswith("2026-03-01T") for event in replayed(name))


def test_a_page_is_kept_without_its_query(db: None) -> None:
    page = replayed("snowplow_python")[0]

    assert page["context"]["page"] == {"url": "https://shop.example/boots", "title": "Boots"}
    assert "anna" not in str(page)
    assert timedelta(seconds=page["context"]["lag"]) < timedelta(minutes=1)
