"""The snippet in a real browser: what it sends, what it keeps, and what it waits for."""

import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from personalization.ingest import callers, inbox
from personalization.models import InboxEvent, Source
from tests.personalization.websites import KEY, Website, serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
AGREED = "attune.consent({profiling: true, email_tracking: false});"
SEEN = """value => {
    Object.defineProperty(document, 'visibilityState', {value, configurable: true});
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""
GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});"


@pytest.fixture
def website() -> Iterator[Website]:
    with serve() as served:
        yield served


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1000, "height": 1000}, locale="de-DE")
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def wait_for(found: Callable[[], object], *, page: Page, seconds: float = 30) -> None:
    """Let the browser go on until something is there; fail when it never comes."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not come in time"
        page.wait_for_timeout(20)


def leave(page: Page) -> None:
    page.goto("about:blank")


def test_calls_before_the_script_is_there_are_sent_in_their_order(
    website: Website, page: Page
) -> None:
    website.calls = f"""{AGREED}
        attune.page('Home'); attune.identify('c-1', {{plan: 'gold'}});
        attune.track('Product Viewed', {{product_id: 'b-1'}});
        attune.group('g-1'); attune.alias('c-2');"""

    page.goto(f"{website.url}/shop?utm_source=mail&utm_campaign=autumn&email=a@b.example")
    wait_for(lambda: len(website.events) == 6, page=page)

    types = [event["type"] for event in website.events]
    assert types == ["identify", "page", "identify", "track", "group", "alias"]
    _, first, known, viewed, group, alias = website.events
    assert first["name"] == "Home"
    assert (known["userId"], known["traits"]) == ("c-1", {"plan": "gold"})
    assert (viewed["event"], viewed["properties"]) == ("Product Viewed", {"product_id": "b-1"})
    assert group["groupId"] == "g-1"
    assert (alias["userId"], alias["previousId"]) == ("c-2", "c-1")
    assert len({event["messageId"] for event in website.events}) == 6
    assert {event["anonymousId"] for event in website.events} == {first["anonymousId"]}


def test_who_is_known_stays_so_when_something_is_said_without_a_number(
    website: Website, page: Page
) -> None:
    website.calls = f"""{AGREED} attune.identify('c-1');
        attune.identify(null, {{plan: 'gold'}}); attune.identify({{size: 38}});
        attune.identify(undefined, {{tier: 2}});"""

    page.goto(website.url)
    wait_for(lambda: len(website.events) == 5, page=page)

    said = [(event["userId"], event["traits"]) for event in website.events[1:]]
    assert said == [("c-1", {}), ("c-1", {"plan": "gold"}), ("c-1", {"size": 38}),
                    ("c-1", {"tier": 2})]  # fmt: skip


def test_an_event_says_where_it_happened_and_its_request_needs_no_preflight(
    website: Website, page: Page
) -> None:
    website.calls = f"{AGREED} attune.page();"

    page.goto(f"{website.url}/shop?utm_source=mail&utm_campaign=autumn&email=a@b.example")
    wait_for(lambda: website.events, page=page)

    event, request = website.events[-1], website.requests[0]
    assert event["context"]["page"] == {
        "path": "/shop",
        "url": f"{website.url}/shop",
        "title": "Boots",
        "referrer": "",
    }
    assert event["context"]["campaign"] == {"source": "mail", "name": "autumn"}
    assert event["context"]["locale"] == "de-DE"
    assert event["context"]["timezone"]
    assert event["context"]["library"]["name"] == "attune.js"
    said = {"categoryPreferences": {"profiling": True, "email_tracking": False}}
    assert event["context"]["consent"] == said
    assert (request["path"], request["writeKey"]) == ("/v1/batch", KEY)
    assert website.headers[0]["Content-Type"].startswith("text/plain")
    assert "Cookie" not in website.headers[0]
    assert "a@b.example" not in json.dumps(website.requests)


def test_nothing_is_sent_or_stored_before_consent_and_all_of_it_after(
    website: Website, page: Page, context: BrowserContext
) -> None:
    website.calls = "attune.page(); attune.track('Product Viewed');"
    page.goto(website.url)
    page.wait_for_timeout(600)

    assert website.requests == []
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0

    page.evaluate(AGREED)
    wait_for(lambda: len(website.events) == 3, page=page)
    assert website.names() == ["identify", "page", "Product Viewed"]
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["sameSite"], cookie["domain"]) == ("attune", "Lax", "127.0.0.1")
    assert 360 < (cookie["expires"] - time.time()) / 86_400 < 366
    kept = json.loads(unquote(cookie["value"]))
    assert kept["a"] == website.events[0]["anonymousId"]


def test_what_was_allowed_holds_on_the_next_page(website: Website, page: Page) -> None:
    website.calls = f"{AGREED} attune.identify('c-1');"
    page.goto(website.url)
    wait_for(lambda: len(website.events) == 2, page=page)
    website.calls = "attune.page('Second');"
    page.goto(f"{website.url}/second")
    wait_for(lambda: website.events[-1].get("name") == "Second", page=page)

    first, last = website.events[0], website.events[-1]
    assert (last["userId"], last["anonymousId"]) == ("c-1", first["anonymousId"])


def test_a_refusal_drops_what_was_held_and_stores_nothing(
    website: Website, page: Page, context: BrowserContext
) -> None:
    website.calls = "attune.page();"
    page.goto(website.url)
    page.evaluate("attune.consent({profiling: false, email_tracking: false})")
    page.evaluate("attune.track('Product Viewed')")
    leave(page)
    page.wait_for_timeout(500)

    assert website.events == []
    assert context.cookies(website.url) == []


def test_a_withdrawal_is_told_without_anything_else_and_the_cookie_goes(
    website: Website, page: Page, context: BrowserContext
) -> None:
    website.calls = f"{AGREED} attune.identify('c-1', {{plan: 'gold'}});"
    page.goto(website.url)
    wait_for(lambda: len(website.events) == 2, page=page)
    page.evaluate("attune.consent({profiling: false})")
    page.evaluate("attune.track('Product Viewed')")
    wait_for(lambda: len(website.events) == 3, page=page)

    told = website.events[2]
    assert (told["type"], told["userId"]) == ("identify", "c-1")
    said = {"categoryPreferences": {"profiling": False, "email_tracking": False}}
    assert told["context"] == {"consent": said}
    assert "traits" not in told
    assert context.cookies(website.url) == []


def test_global_privacy_control_is_said_and_no_cookie_is_set(
    website: Website, page: Page, context: BrowserContext
) -> None:
    context.add_init_script(GPC)
    website.calls = f"{AGREED} attune.page();"

    page.goto(website.url)
    wait_for(lambda: len(website.events) == 2, page=page)

    assert [event["context"]["gpc"] for event in website.events] == [True, True]
    assert ["consent" in event["context"] for event in website.events] == [False, False]
    assert context.cookies(website.url) == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_leaving_tells_once_how_long_and_how_far_somebody_read(
    website: Website, page: Page
) -> None:
    website.calls = f"{AGREED} attune.page();"
    page.goto(website.url)
    page.evaluate("scrollTo(0, 1000)")
    page.wait_for_timeout(1_100)
    leave(page)
    wait_for(lambda: "Page Left" in website.names(), page=page)
    page.wait_for_timeout(300)

    assert website.names().count("Page Left") == 1
    left = next(event for event in website.events if event.get("event") == "Page Left")
    assert left["properties"]["seconds"] in (1, 2)
    assert left["properties"]["percent"] == 50
    assert left["context"]["page"]["path"] == "/"


def test_what_waits_to_be_sent_leaves_with_the_page(website: Website, page: Page) -> None:
    website.calls = AGREED
    page.goto(website.url)
    wait_for(lambda: website.events, page=page)
    page.evaluate("attune.track('Product Added'); location.href = 'about:blank'")
    wait_for(lambda: "Page Left" in website.names(), page=page)

    assert "Product Added" in website.names()


def test_a_page_of_an_app_without_reload_ends_the_stay_on_the_one_before(
    website: Website, page: Page
) -> None:
    website.calls = f"{AGREED} attune.page('First');"
    page.goto(f"{website.url}/first")
    wait_for(lambda: len(website.events) == 2, page=page)
    page.evaluate("history.pushState({}, '', '/second'); attune.page('Second')")
    wait_for(lambda: len(website.events) == 4, page=page)

    left, second = website.events[2:]
    assert (left["event"], left["context"]["page"]["path"]) == ("Page Left", "/first")
    assert (second["name"], second["context"]["page"]["path"]) == ("Second", "/second")


def test_what_the_server_could_not_take_comes_again_under_its_id(
    website: Website, page: Page
) -> None:
    website.answers = [503]
    website.calls = f"{AGREED} attune.track('Product Viewed');"

    page.goto(website.url)
    wait_for(lambda: len(website.events) == 2, page=page)
    page.wait_for_timeout(300)

    assert website.answers == []
    assert website.names() == ["identify", "Product Viewed"]


def test_coming_back_to_a_tab_begins_another_stay(website: Website, page: Page) -> None:
    website.calls = AGREED
    page.goto(website.url)
    for state in ("hidden", "visible", "hidden"):
        page.evaluate(SEEN, state)
    wait_for(lambda: website.names().count("Page Left") == 2, page=page)
    leave(page)
    page.wait_for_timeout(300)

    assert website.names().count("Page Left") == 2


def test_a_shop_elsewhere_reaches_our_collector_and_nothing_is_blocked(
    website: Website, page: Page, live_server: LiveServer
) -> None:
    callers.forget()
    Source.objects.create(slug="web", name="Web", kind="collector", write_key="wk_live")
    website.collector, website.key = live_server.url, "wk_live"
    website.calls = f"{AGREED} attune.identify('c-1'); attune.track('Product Viewed');"
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    methods: list[str] = []
    page.on("request", lambda request: methods.append(f"{request.method} {request.url}"))

    page.goto(website.url)
    wait_for(lambda: InboxEvent.objects.count() == 3, page=page)
    leave(page)
    wait_for(lambda: InboxEvent.objects.count() == 4, page=page)

    rows = InboxEvent.objects.order_by("id")
    found = [inbox.open_payload(row.payload, message_id=row.message_id) for row in rows]
    assert [each["type"] for each in found] == ["identify", "identify", "track", "track"]
    assert [each["external_id"] for each in found] == ["", "c-1", "c-1", "c-1"]
    assert len({each["anonymous_id"] for each in found}) == 1
    assert [each["event"] for each in found[2:]] == ["Product Viewed", "Page Left"]
    granted = {each["purpose"]: each["is_granted"] for each in found[0]["said"]}
    assert granted == {"profiling": True, "email_tracking": False}
    assert said == []
    assert not [method for method in methods if method.startswith("OPTIONS")]


def test_somebody_new_gets_a_new_id(website: Website, page: Page) -> None:
    website.calls = f"{AGREED} attune.identify('c-1'); attune.reset(); attune.page('After');"

    page.goto(website.url)
    wait_for(lambda: len(website.events) == 3, page=page)

    before, after = website.events[1:]
    assert "userId" not in after
    assert before["anonymousId"] != after["anonymousId"]
