"""The collector's answers: keys, methods, sizes, browsers of other sites, back-pressure."""

import gzip
from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from personalization.ingest import backlog, callers
from personalization.models import InboxEvent, Source
from tests.personalization.collector_support import (
    KEY,
    Request,
    brief,
    post,
    quarantined,
    send,
    source,
    track,
    waiting,
)

BATCH = {"batch": [track("m1"), track("m2")]}
SITE = "https://shop.example"
EVERY_PATH = (
    *(f"/v1/{name}" for name in ("identify", "track", "page", "screen", "group", "alias")),
    *(f"/v1/{name}" for name in ("batch", "import", "i", "t", "p", "s", "g", "a", "b")),
    *("/beacon/v1/batch", "/api/s/track", "/api/s/s2s/track", "/batch/", "/batch", "/e/"),
    *("/com.snowplowanalytics.snowplow/tp2", "/events", "/events/", "/v1/track/"),
)


@pytest.mark.parametrize("path", EVERY_PATH)
def test_every_path_answers_200_in_json_without_a_redirect(db: None, path: str) -> None:
    source()

    answer = post(path, track())

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["success"] is True
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("path", EVERY_PATH)
def test_no_path_takes_anything_without_a_key(db: None, path: str) -> None:
    source()

    answer = post(path, track(), key="wrong")

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/json"
    assert "write key" in answer.json()["error"]
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize(
    ("path", "headers", "given"),
    [
        ("/v1/track", {}, {"writeKey": KEY}),
        (f"/v1/track?writeKey={KEY}", {}, {}),
        ("/v1/track", {"X-Write-Key": KEY}, {}),
        ("/v1/track", {"X-Write-Key": f"any:{KEY}"}, {"writeKey": "any:***"}),
        ("/v1/track", {"Authorization": f"Bearer {KEY}"}, {}),
        (f"/v1/track?writeKey={KEY}", {"Authorization": "Basic !"}, {}),
        ("/batch/", {}, {"api_key": KEY, "distinct_id": "C-1"}),
        ("/com.snowplowanalytics.snowplow/tp2", {}, {"e": "pv", "aid": KEY, "uid": "C-1"}),
    ],
)
def test_a_key_is_found_wherever_a_client_puts_it(
    db: None, path: str, headers: dict[str, str], given: dict[str, str]
) -> None:
    source()

    answer = post(path, {**track(), **given}, key="", **headers)

    assert answer.status_code == 200
    assert quarantined() == []


def test_an_inactive_source_takes_nothing(db: None) -> None:
    source(is_active=False)

    assert post("/v1/track", track()).status_code == 401


def test_a_revoked_key_ends_within_seconds(db: None) -> None:
    shop = source()
    now = timezone.now()
    assert callers.find(KEY, now=now) == shop

    Source.objects.filter(pk=shop.pk).update(write_key="another")

    assert callers.find(KEY, now=now + timedelta(seconds=1)) == shop
    assert callers.find(KEY, now=now + timedelta(seconds=3)) is None


def test_a_request_is_one_insert_once_its_key_is_known(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    source()
    post("/v1/batch", {"batch": [track("m0")]})

    with django_assert_num_queries(1):
        post("/v1/batch", {"batch": [track(f"n{n}") for n in range(50)]})

    assert len(waiting()) == 51


def test_a_source_deleted_a_moment_ago_is_an_unknown_key(
    transactional_db: None, django_db_serialized_rollback: None
) -> None:
    shop = source()
    post("/v1/track", {"writeKey": KEY, "batch": []})
    InboxEvent.objects.all().delete()
    shop.days.all().delete()
    Source.objects.filter(pk=shop.pk).delete()

    assert post("/v1/track", track()).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_events_come_by_post(db: None, method: str) -> None:
    answer = send(Request(method, "/v1/track", {}, b""))

    assert answer.status_code == 405
    assert "POST" in answer.json()["error"]


def test_a_call_that_does_not_exist_is_named(db: None) -> None:
    answer = post("/v1/trak", track())

    assert answer.status_code == 404
    assert "/v1/trak" in answer.json()["error"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b'{"type":', 400),
        (gzip.compress(orjson.dumps(BATCH), mtime=0)[:-9], 400),
        (b"\x1f\x8b\x08 this is no gzip", 400),
        (b" " * 600_000, 413),
        (gzip.compress(b" " * 5_000_000, mtime=0), 413),
        (orjson.dumps({"batch": [{}] * 2_501}), 413),
    ],
)
def test_what_can_never_be_read_is_refused(db: None, raw: bytes, status: int) -> None:
    source()

    answer = post("/v1/batch", raw)

    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        orjson.dumps(BATCH),
        gzip.compress(orjson.dumps(BATCH), mtime=0),
        b"\xef\xbb\xbf" + orjson.dumps(BATCH),
        orjson.dumps(BATCH["batch"]),
    ],
)
@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "x"])
def test_a_body_is_read_for_what_it_is(db: None, raw: bytes, kind: str) -> None:
    source()

    answer = post("/v1/batch", raw, **{"Content-Type": kind, "Content-Encoding": "br"})

    assert answer.json() == {"success": True, "accepted": 2}


def test_a_bad_event_is_set_apart_and_its_neighbours_are_kept(db: None) -> None:
    source()
    bad = [{"type": "track", "userId": "C-1"}, 7, {"type": "nonsense", "userId": "C-1"}]

    answer = post("/v1/batch", {"batch": [track("m1"), *bad, track("m2")]})

    assert answer.json() == {"success": True, "accepted": 2, "quarantined": 3}
    assert brief(waiting()) == [("track", "Product Viewed", "C-1")] * 2
    assert len(quarantined()) == 3


def test_the_path_says_the_type(db: None) -> None:
    source()

    post("/v1/i", {"userId": "C-1", "traits": {"plan": "gold"}, "messageId": "m1"})
    post("/v1/p", {"anonymousId": "a-1", "name": "Home", "messageId": "m2"})

    assert brief(waiting()) == [("identify", "", "C-1"), ("page", "Page Viewed", "a-1")]


def test_another_site_may_send_with_its_cookies(db: None) -> None:
    source()

    answer = post("/v1/track", track(), Origin=SITE)

    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Vary"] == "Origin"


def test_a_browser_may_ask_first_and_then_not_for_a_day(db: None) -> None:
    asked = {
        "Origin": SITE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "anonymousid,authorization,content-type,sentat",
    }

    answer = send(Request("OPTIONS", "/v1/track", asked, b""))

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Headers"] == asked["Access-Control-Request-Headers"]
    assert answer.headers["Access-Control-Max-Age"] == "86400"


def test_a_refusal_can_be_read_by_the_site_as_well(db: None) -> None:
    answer = post("/v1/track", track(), key="wrong", Origin=SITE)

    assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_clients_wait_while_the_inbox_is_full(db: None, settings: Settings) -> None:
    source()
    post("/v1/batch", BATCH)
    settings.ATTUNE_INBOX_LIMIT = 1
    backlog.look_again()

    answer = post("/v1/track", track("m3"))

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    settings.ATTUNE_INBOX_LIMIT = 10
    backlog.look_again()
    assert post("/v1/track", track("m3")).status_code == 200


def test_what_is_quarantined_does_not_fill_the_inbox(db: None) -> None:
    source()
    post("/v1/batch", {"batch": [{}] * 3})

    assert not backlog.waits_more_than(0)
    post("/v1/batch", BATCH)
    assert backlog.waits_more_than(1)
    assert not backlog.waits_more_than(2)


def test_segments_script_learns_where_to_send(db: None) -> None:
    source()

    for slash in ("", "/"):
        answer = Client().get(f"/v1/projects/{KEY}/settings{slash}", headers={"Origin": SITE})

        sender = answer.json()["integrations"]["Segment.io"]
        assert answer.status_code == 200
        assert sender == {"apiKey": KEY, "apiHost": "testserver/v1", "protocol": "http"}
        assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_rudderstacks_script_learns_that_its_source_is_on(db: None) -> None:
    source()

    for slash in ("", "/"):
        answer = Client().get(f"/sourceConfig{slash}?p=npm&v=3&writeKey={KEY}")

        assert answer.status_code == 200
        assert answer.json()["source"]["enabled"] is True
        assert answer.json()["source"]["writeKey"] == KEY


@pytest.mark.parametrize("path", ["/v1/projects/wrong/settings", "/sourceConfig/?writeKey=wrong"])
def test_settings_of_a_wrong_key_are_refused(db: None, path: str) -> None:
    assert Client().get(path).status_code == 401


def test_snowplows_picture_is_a_picture(db: None) -> None:
    source()

    answer = Client().get("/i", {"e": "pv", "aid": KEY, "duid": "a-1", "url": f"{SITE}/x?y=1"})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.content.startswith(b"GIF89a")
    assert brief(waiting()) == [("page", "Page Viewed", "a-1")]


def test_an_address_is_kept_as_its_network_only(db: None, settings: Settings) -> None:
    source()
    settings.ATTUNE_PROXIES = 1
    from_browser = {"Origin": SITE, "X-Forwarded-For": "10.0.0.1, 203.0.113.77"}

    post("/v1/track", track("m1"), **from_browser)
    post("/v1/track", track("m2", context={"ip": "2001:db8:aaaa:bbbb::1"}), **from_browser)
    post("/v1/track", track("m3"), **{"X-Forwarded-For": "203.0.113.77"})

    assert [event["context"].get("network") for event in waiting()] == [
        "203.0.113.0/24", "2001:db8:aaaa::/48", None,
    ]  # fmt: skip


def test_a_privacy_signal_refuses_for_all_of_a_request(db: None) -> None:
    source()

    post("/v1/batch", BATCH, **{"Sec-GPC": "1"})

    for event in waiting():
        said = {each["purpose"]: each["is_granted"] for each in event["said"]}
        assert said == {"profiling": False, "email_tracking": False}
        assert event["properties"] == {}
