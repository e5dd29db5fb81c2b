"""Attacks by bodies: small ones that cost much, deep ones, and such as no worker could apply."""

import gzip
import itertools
import json
from typing import Any

import orjson
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalization.ingest import body
from personalization.ingest.dialects import context
from personalization.models import Source
from tests.effort import at_most
from tests.personalization.collector_support import post, source, track, waiting
from tests.personalization.ground import apply_all

DEEP = b"[" * 1_000 + b"]" * 1_000
PATIENCE_SECONDS = 4.0
WITH_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def website(db: None) -> Source:
    return source()


def test_a_text_without_an_end_below_an_abyss_is_read_once() -> None:
    with at_most(PATIENCE_SECONDS), pytest.raises(body.Unreadable):
        body.parse(b"[" * 20_000 + b'"' + b'\\"' * 200_000)


def test_a_long_word_before_an_at_sign_is_looked_at_once() -> None:
    page = {"url": "a" * 30_000 + "@", "title": "b%40" * 8_000, "path": "c@" * 15_000}

    with at_most(PATIENCE_SECONDS):
        context.reduced({"page": page, "locale": "d" * 30_000 + "%40"})


@pytest.mark.parametrize("list_name", ["batch", "data", ""])
def test_more_events_than_allowed_are_refused_before_any_is_read(
    website: Source, list_name: str
) -> None:
    many = b"[" + b"{}," * 1_200_000 + b"{}]"
    raw = b'{"' + list_name.encode() + b'":' + many + b"}" if list_name else many
    packed = gzip.compress(raw)

    with at_most(PATIENCE_SECONDS):
        answer = post("/v1/batch", packed)

    assert answer.status_code == 413


def test_the_lines_of_an_order_told_a_thousand_times_are_gathered_once(website: Source) -> None:
    orders = [{"e": "tr", "tr_id": "1", "uid": "C-1", "eid": f"o{n}"} for n in range(1_000)]
    lines = [{"e": "ti", "ti_id": "1", "ti_sk": f"P-{n}", "uid": "C-1"} for n in range(1_000)]

    with at_most(2 * PATIENCE_SECONDS):
        answer = post("/com.snowplowanalytics.snowplow/tp2", {"data": [*orders, *lines]})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/batch/", DEEP),
        ("/batch/", b'{"event":"x","distinct_id":%b,"properties":{"$device_id":%b}}'),
        ("/v1/batch", DEEP),
        ("/v1/batch", b'{"batch":[%b]}'),
        ("/v1/track", b'{"event":%b,"userId":%b}'),
        ("/com.snowplowanalytics.snowplow/tp2", b'{"data":[{"e":%b}]}'),
        ("/com.snowplowanalytics.snowplow/tp2", b'{"data":[{"e":"tr","tr_id":%b}]}'),
        ("/events", b'{"id":"1","source":%b,"type":"x","data":{"type":%b}}'),
        ("/events", b'{"id":"1","source":"s","type":"x","data_base64":%b}'),
    ],
)
def test_depth_is_answered_wherever_it_stands(website: Source, path: str, raw: bytes) -> None:
    answer = post(path, raw.replace(b"%b", DEEP), AnonymousId="YW5vbg==")

    assert answer.status_code in {200, 400, 401}
    assert answer["Content-Type"] == "application/json"
    assert not waiting()


def test_two_gzips_in_one_body_are_not_half_taken(website: Source) -> None:
    packed = gzip.compress(orjson.dumps(track("m1"))) + gzip.compress(orjson.dumps(track("m2")))

    assert post("/v1/track", packed).status_code == 400
    assert post("/v1/track", gzip.compress(orjson.dumps(track("m3"))) + bytes(9)).status_code == 200


def test_a_giant_event_is_set_apart_in_time(website: Source) -> None:
    giant = gzip.compress(orjson.dumps({**track(), "properties": {"list": [[]] * 1_000_000}}))

    with at_most(PATIENCE_SECONDS):
        answer = post("/v1/track", giant)

    assert answer.json() == {"success": True, "accepted": 0, "quarantined": 1}


VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["P-1", "EUR", "1e400", "1e-400", "-0", "999999999999.99", "9" * 300, "\\N", "\\.", "\t\n",
         "\x1f", "\u2028", "0001-01-01", "2026-13-01T00:00:00", "a'b\"c", "true", 10**15, "٣"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
NAMES = st.sampled_from(
    ["Order Completed", "Order Refunded", "Order Cancelled", "Order Updated", "Product Added",
     "Product Removed", "Cart Viewed", "Cart Updated", "Checkout Started", "Product Viewed",
     "Product Added to Wishlist", "Product Removed from Wishlist", "add_to_cart", "x", "a\\b", "€"]
)  # fmt: skip
PROPERTIES = st.dictionaries(
    st.sampled_from(
        ["order_id", "total", "revenue", "currency", "products", "product_id", "price", "quantity",
         "cart_id", "items", "contents", "content_ids", "sku", "coupon", "generated", "shipping",
         "tax", "discount", "wishlist_id", "name", "variant", "checkout_id", "refund_id", "value"]
    ),
    VALUE
    | st.lists(
        st.dictionaries(
            st.sampled_from(["product_id", "price", "quantity", "name", "sku", "variant", "id"]),
            VALUE,
            max_size=4,
        ),
        max_size=3,
    ),
    max_size=6,
)  # fmt: skip
TRAITS = st.dictionaries(
    st.sampled_from(["email", "name", "firstName", "phone", "address", "country", "age", "x"]),
    VALUE,
    max_size=4,
)
MARKS = itertools.count()
YES = {"consent": {"categoryPreferences": {"profiling": True}}}


@given(name=NAMES, properties=PROPERTIES, traits=TRAITS, timestamp=VALUE)
@WITH_DATABASE
def test_whatever_was_accepted_is_applied_or_set_apart(
    website: Source, name: str, properties: Any, traits: Any, timestamp: Any
) -> None:
    mark = next(MARKS)
    batch = [
        {**track(f"{mark}-a"), "event": name, "properties": properties, "context": YES},
        {**track(f"{mark}-b"), "type": "identify", "traits": traits},
        {**track(f"{mark}-c"), "event": name, "properties": properties, "timestamp": timestamp},
        {**track(f"{mark}-d"), "type": "page", "name": name, "properties": properties},
        {**track(f"{mark}-e"), "type": "alias", "userId": "C-2", "previousId": "C-1"},
    ]  # fmt: skip
    raw = json.dumps({"batch": batch}, ensure_ascii=False).encode("utf-8", "surrogatepass")

    assert post("/v1/batch", raw).status_code == 200
    apply_all(now=timezone.now())

    assert not waiting()
