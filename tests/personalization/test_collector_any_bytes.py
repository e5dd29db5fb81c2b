"""Whatever is posted, the answer is a documented one, and good neighbours of bad events stay."""

import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.personalization.collector_support import Request as Recorded
from tests.personalization.collector_support import (
    names_of_recordings,
    post,
    recorded,
    send,
    source,
    track,
    waiting,
)

PATHS = (
    *("/v1/batch", "/v1/track", "/v1/i", "/beacon/v1/batch", "/api/s/track", "/batch/", "/e/"),
    *("/com.snowplowanalytics.snowplow/tp2", "/events"),
)
DOCUMENTED = {200, 400, 401, 413}
WITH_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
RECORDED = [request for name in names_of_recordings() for request in recorded(name)]
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
KEYS = (
    *("type", "event", "userId", "anonymousId", "messageId", "properties", "traits", "context"),
    *("timestamp", "sentAt", "originalTimestamp", "name", "batch", "data", "e", "uid", "ue_px"),
    *("distinct_id", "$set", "uuid", "id", "source", "subject", "specversion", "tr_id", "ti_id"),
)


@pytest.fixture(autouse=True)
def _website(db: None) -> None:
    source()


@given(path=st.sampled_from(PATHS), raw=st.binary(max_size=200), is_packed=st.booleans())
@WITH_DATABASE
def test_any_bytes_get_a_documented_answer(path: str, raw: bytes, *, is_packed: bool) -> None:
    answer = post(path, gzip.compress(raw) if is_packed else raw)

    assert answer.status_code in DOCUMENTED
    assert answer.json()["success"] is (answer.status_code == 200)


@given(
    request=st.sampled_from(RECORDED),
    place=st.integers(0, 2_000),
    put=st.binary(max_size=12),
    cut=st.integers(0, 12),
)
@WITH_DATABASE
def test_a_changed_byte_gets_a_documented_answer(
    request: Recorded, place: int, put: bytes, cut: int
) -> None:
    raw = request.body
    at = place % (len(raw) + 1)
    changed = raw[:at] + put + raw[at + cut :]

    answer = send(Recorded(request.method, request.path, request.headers, changed))

    assert answer.status_code in DOCUMENTED


@given(path=st.sampled_from(PATHS), message=st.dictionaries(st.sampled_from(KEYS), VALUE))
@WITH_DATABASE
def test_any_values_in_known_places_get_a_documented_answer(
    path: str, message: dict[str, Any]
) -> None:
    raw = _as_python_writes_it({**track(), **message})

    answer = post(path, raw)

    assert answer.status_code in DOCUMENTED - {401}


@given(bad=VALUE | st.dictionaries(st.sampled_from(KEYS), VALUE))
@WITH_DATABASE
def test_good_neighbours_stay(bad: object) -> None:
    before = len(waiting())
    name = f"n{before}-"
    batch = _as_python_writes_it({"batch": [track(f"{name}1"), bad, track(f"{name}2")]})

    answer = post("/v1/batch", batch)

    assert answer.status_code == 200
    ids = {event["message_id"] for event in waiting()}
    assert {f"{name}1", f"{name}2"} <= ids


def _as_python_writes_it(value: Any) -> bytes:
    """JSON as Python's own module writes it: NaN, huge numbers, half characters and all."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def test_the_writer_of_these_tests_writes_json() -> None:
    assert orjson.loads(_as_python_writes_it(track())) == track()
