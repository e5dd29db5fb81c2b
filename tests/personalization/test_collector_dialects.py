"""What recordings do not show: odd messages of each dialect, and the reasons that are given."""

import base64
from typing import Any

import orjson
import pytest

from personalization.ingest.body import EVENT_BYTES, TooLarge
from personalization.ingest.dialects import (
    cloudevents,
    jitsu,
    posthog,
    rudderstack,
    segment,
    snowplow,
)
from personalization.ingest.incoming import Faulty, Incoming
from tests.personalization.collector_support import NOW, sent, track


def one(dialect: Any, value: object, **given: Any) -> Incoming:
    (event,) = dialect.read(sent(value, **given))
    assert isinstance(event, Incoming), event
    return event


def reason(dialect: Any, value: object, **given: Any) -> str:
    (fault,) = dialect.read(sent(value, **given))
    assert isinstance(fault, Faulty)
    return fault.reason


def headers(**given: str) -> Any:
    return lambda name: given.get(name.lower().replace("-", "_"), "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (track(userId=None), "names nobody"),
        (track(userId="  "), "names nobody"),
        (track(event=""), "event: is missing"),
        (track(event="x" * 121), "event: is longer than 120"),
        (track(type="trakc"), "type: is 'trakc'"),
        (track(type=["track"]), "type: is missing"),
        (track(messageId="x" * 201), "messageId: is longer than 200"),
        (track(messageId={}), "messageId: is not text"),
        (track(userId=["C-1"]), "userId: is not text"),
        (track(userId="C\n1\0"), "NUL"),
        (track(properties=[1]), "properties: is not a JSON object"),
        (track(properties={str(n): n for n in range(201)}), "properties: holds 201 entries"),
        (track(context="x"), "context: is not a JSON object"),
        (track(timestamp="yesterday"), "timestamp: is not a time"),
        (track(properties={"a": "x" * EVENT_BYTES}), "bytes long; 32,768 may be"),
        ("words", "the event is not a JSON object"),
        (None, "the event is not a JSON object"),
    ],
)
def test_a_faulty_event_says_what_and_where(value: object, words: str) -> None:
    assert words in reason(segment, value)


def test_the_reason_of_bad_characters_reaches_the_event_that_holds_them() -> None:
    raw = b'{"batch":[%s,{"type":"track","event":"a","userId":"C-1","properties":{"x":NaN}}]}'

    good, bad = segment.read(sent(raw % orjson.dumps(track())))

    assert isinstance(good, Incoming)
    assert isinstance(bad, Faulty)
    assert bad.reason == "the event holds NaN or Infinity, which JSON does not know"
    assert orjson.dumps(bad)


def test_a_faulty_event_is_kept_so_that_it_can_be_mended() -> None:
    raw = track(timestamp="?", writeKey="k", context={"ip": "203.0.113.7", "locale": "de"})

    (fault,) = segment.read(sent({"batch": [raw], "sentAt": "2026-11-23T11:00:00Z"}))

    assert isinstance(fault, Faulty)
    assert fault.message_id == "m1"
    assert fault.raw == {
        **track(timestamp="?", context={"locale": "de"}), "sentAt": "2026-11-23T11:00:00Z",
    }  # fmt: skip


def test_a_giant_leaves_its_names_only() -> None:
    (fault,) = segment.read(sent(track(properties={"a": ["x" * 3_000] * 40})))

    assert isinstance(fault, Faulty)
    assert fault.raw == {"too_long_to_keep": True, "keys": [*track(), "properties"]}


def test_numbers_are_ids_as_well() -> None:
    event = one(segment, track(messageId=17, userId=42))

    assert (event.message_id, event.external_id) == ("17", "42")


def test_two_events_without_ids_are_two_events() -> None:
    first, second = (one(segment, track(messageId=None)) for _ in range(2))

    assert first.message_id != second.message_id


def test_a_group_says_nothing_of_a_person() -> None:
    event = one(segment, {"type": "group", "userId": "C-1", "groupId": "G", "traits": {"n": 1}})

    assert (event.traits, event.properties) == ({}, {"n": 1, "group_id": "G"})


def test_a_bot_is_a_machine() -> None:
    event = one(segment, track(context={"userAgent": "Googlebot/2.1"}))

    assert event.is_machine


def test_what_a_batch_says_of_all_its_messages_holds_for_each() -> None:
    refused = {"categoryPreferences": {"profiling": False}}
    shared: dict[str, Any] = {"locale": "de-DE", "timezone": "CET", "consent": refused}
    batch = [track("m1"), track("m2", context={"locale": "fr-FR", "consent": {"profiling": True}})]

    first, second = segment.read(sent({"batch": batch, "context": shared}))

    assert isinstance(first, Incoming)
    assert isinstance(second, Incoming)
    assert [each.is_granted for each in first.said] == [False]
    assert [each.is_granted for each in second.said] == [True]
    assert (first.context["locale"], first.context["timezone"]) == ("de-DE", "CET")
    assert (second.context["locale"], second.context["timezone"]) == ("fr-FR", "CET")


def test_a_batch_cannot_say_at_length_what_is_kept_for_each_of_its_messages() -> None:
    with pytest.raises(TooLarge):
        segment.read(sent({"batch": [track("m1")], "context": {"x": "y" * 9_000}}))


@pytest.mark.parametrize("shared", [None, [], "x", 5, {"locale": ["de"]}])
def test_whatever_a_batch_says_of_all_is_answered(shared: object) -> None:
    (event,) = segment.read(sent({"batch": [track("m1")], "context": shared}))

    assert event.message_id == "m1"


def test_rudderstacks_headers_count_where_the_message_says_nothing() -> None:
    anonymous = base64.b64encode(b"anon-7").decode()
    header = headers(anonymousid=anonymous, sentat="2026-11-23T11:59:00Z")
    page = {"originalTimestamp": "2026-11-23T11:58:00Z", "messageId": "m1"}

    event = one(rudderstack, page, kind="page", header=header)
    known = one(rudderstack, {**page, "userId": "C-1"}, kind="page", header=header)

    assert event.anonymous_id == "anon-7"
    assert (NOW - event.timestamp).total_seconds() == 60
    assert (known.external_id, known.anonymous_id) == ("C-1", "")


def test_jitsus_path_may_leave_the_type_to_the_message() -> None:
    assert one(jitsu, track(), kind="event").type == "track"
    assert one(jitsu, track(), kind="page").type == "page"


def test_posthogs_devices_are_not_yet_persons() -> None:
    device = {"event": "$pageview", "properties": {"distinct_id": "d-1", "$device_id": "d-1"}}
    unnamed = {"event": "x", "distinct_id": "d-2", "properties": {"$is_identified": False}}

    assert one(posthog, device).anonymous_id == "d-1"
    assert one(posthog, [unnamed]).anonymous_id == "d-2"


def test_posthogs_identify_leads_from_a_device_to_a_person() -> None:
    event = one(posthog, {
        "event": "$identify", "distinct_id": "C-1", "uuid": "m1", "offset": 60_000,
        "properties": {"$anon_distinct_id": "d-1", "$set": {"plan": "gold"}, "token": "k"},
    })  # fmt: skip

    assert (event.type, event.external_id, event.anonymous_id) == ("identify", "C-1", "d-1")
    assert (event.traits, event.properties) == ({"plan": "gold"}, {})
    assert (NOW - event.timestamp).total_seconds() == 60


def test_what_a_posthog_event_says_of_its_person_is_told_as_well() -> None:
    said = {"$set": {"plan": "gold", "$os": "Linux"}, "$set_once": {"plan": "free", "first": "ad"}}
    given = {"event": "paid", "distinct_id": "C-1", "uuid": "u-1"}

    event, told = posthog.read(sent({**given, "properties": {"total": 5, **said}}))
    (alone,) = posthog.read(sent({**given, "properties": {"$set_once": {"$initial_os": "Linux"}}}))

    assert isinstance(event, Incoming)
    assert isinstance(told, Incoming)
    assert (event.type, event.event, event.properties) == ("track", "paid", {"total": 5})
    assert (told.type, told.external_id, told.message_id) == ("identify", "C-1", "u-1-set")
    assert (told.traits, told.properties) == ({"plan": "gold", "first": "ad"}, {})
    assert alone.message_id == "u-1"


@pytest.mark.parametrize("value", [7, {"properties": []}, {"event": ["x"]}, {}, [None]])
def test_odd_posthog_events_are_set_apart(value: object) -> None:
    assert reason(posthog, value)


def described(data: object, schema: str = "iglu:com.shop/viewed/jsonschema/1-0-0") -> str:
    inner = {"schema": "iglu:…", "data": {"schema": schema, "data": data}}
    return base64.urlsafe_b64encode(orjson.dumps(inner)).decode().rstrip("=")


def pairs(**given: object) -> dict[str, object]:
    return {"data": [{"eid": "m1", "uid": "C-1", "dtm": "1795435200000", **given}]}


def test_snowplows_orders_gather_their_lines() -> None:
    order = {"e": "tr", "uid": "C-1", "tr_id": "O-1", "tr_tt": "20", "tr_cu": "EUR"}
    line = {"e": "ti", "uid": "C-1", "ti_id": "O-1", "ti_sk": "P-1", "ti_qu": "2", "ti_pr": "10"}

    event = one(snowplow, {"data": [order, line]})

    assert event.event == "Order Completed"
    assert event.properties == {
        "order_id": "O-1", "total": "20", "currency": "EUR",
        "products": [{"product_id": "P-1", "quantity": "2", "price": "10"}],
    }  # fmt: skip


def test_snowplows_shop_actions_carry_their_products() -> None:
    shop = "iglu:com.snowplowanalytics.snowplow.ecommerce"
    action = described(
        {"type": "transaction"}, f"{shop}/snowplow_ecommerce_action/jsonschema/1-0-1"
    )
    entities = {"data": [
        {"schema": f"{shop}/product/jsonschema/1-0-0", "data": {"id": "P-1", "price": 5}},
        {"schema": f"{shop}/transaction/jsonschema/1-0-0",
         "data": {"transaction_id": "O-1", "revenue": 5, "currency": "EUR"}},
    ]}  # fmt: skip

    event = one(snowplow, pairs(e="ue", ue_px=action, co=orjson.dumps(entities).decode()))

    assert event.event == "Order Completed"
    assert (event.properties["order_id"], event.properties["total"]) == ("O-1", 5)
    assert event.properties["products"] == [{"id": "P-1", "price": 5, "product_id": "P-1"}]


def test_snowplows_true_timestamp_is_believed() -> None:
    event = one(snowplow, pairs(e="pp", ttm="1795000000000", stm="1795435200000"))

    assert event.event == "Page Ping"
    assert event.timestamp.timestamp() == 1_795_000_000


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"e": "ue", "ue_px": "!"}, "ue_px"),
        ({"e": "ue", "ue_px": described([])}, "ue_px"),
        ({"e": "ue", "ue_px": "é" * 9}, "ue_px"),
        ({"e": "ue", "ue_px": described({"a": "x\0"})}, "NUL"),
        ({"e": "ue", "ue_px": described({"a": "x" * EVENT_BYTES})}, "bytes long"),
        ({"e": "ue"}, "ue_px"),
        ({"e": ["ue"]}, "event: is missing"),
        ({"e": "pv", "uid": None}, "names nobody"),
    ],
)
def test_odd_snowplow_events_are_set_apart(given: dict[str, object], words: str) -> None:
    assert words in reason(snowplow, pairs(**given))


def cloud(**given: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.shop.cart.left.v2",
            "subject": "C-1", **given}  # fmt: skip


def test_a_cloud_event_is_named_by_its_type_without_domain_and_version() -> None:
    assert one(cloudevents, cloud()).event == "cart.left"
    assert one(cloudevents, cloud(type="Product Viewed")).event == "Product Viewed"


def test_a_cloud_event_is_told_by_its_source_and_id() -> None:
    ids = {one(cloudevents, cloud(source=source)).message_id for source in ("/a", "/b", "/b")}

    assert len(ids) == 2
    assert len(one(cloudevents, cloud(source="x" * 300)).message_id) == 64


def test_a_cloud_event_may_hold_a_whole_message() -> None:
    event = one(cloudevents, cloud(data=track("m9", type="page", userId="C-7")))

    assert (event.type, event.external_id, event.message_id) == ("page", "C-7", "/shop#1")


@pytest.mark.parametrize(
    "data",
    [
        {"data": {"a": 1}},
        {"data": '{"a":1}'},
        {"data_base64": base64.b64encode(b'{"a":1}').decode()},
    ],
)
def test_the_data_of_a_cloud_event_comes_in_three_ways(data: dict[str, object]) -> None:
    assert one(cloudevents, cloud(**data)).properties == {"a": 1}


def test_a_cloud_event_in_headers_may_be_percent_encoded() -> None:
    header = headers(
        ce_id="1", ce_source="/a", ce_type="Kauf%20get%C3%A4tigt", ce_subject="C%2D1",
        ce_specversion="1.0",
    )  # fmt: skip

    event = one(cloudevents, {"total": 3}, header=header)

    assert (event.event, event.external_id) == ("Kauf getätigt", "C-1")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"id": ""}, "id: is missing"),
        ({"source": None}, "source: is missing"),
        ({"type": None}, "type: is missing"),
        ({"data": [1]}, "data: is not a JSON object"),
        ({"data": "words"}, "data: is not a JSON object"),
        ({"data_base64": "!"}, "data: is not a JSON object"),
        ({"subject": None}, "names nobody"),
        ({"data_base64": base64.b64encode(b'{"a":NaN}').decode()}, "NaN"),
    ],
)
def test_odd_cloud_events_are_set_apart(given: dict[str, object], words: str) -> None:
    assert words in reason(cloudevents, cloud(**given))
