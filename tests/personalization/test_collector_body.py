"""Bodies as they come: packed, cut off, too deep, with half a character: which are read."""

import base64
import gzip
import math
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.ingest import body

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBER = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@given(JSON)
def test_good_json_is_read_as_it_is_and_found_sound(value: Any) -> None:
    raw = orjson.dumps(value)

    parsed = body.parse(raw)

    assert parsed.value == orjson.loads(raw)
    assert body.flaw(parsed.value) == ""
    assert body.parse(gzip.compress(raw)) == parsed


@pytest.mark.parametrize(
    ("raw", "flaw"),
    [
        (b'{"a":NaN}', "NaN"),
        (b'{"a":[-Infinity]}', "NaN or Infinity"),
        (b'{"a":1e999}', "NaN or Infinity"),
        (b'{"a":123456789012345678901234567890}', "64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "64 bits"),
        (rb'{"a":"x\u0000y"}', "NUL"),
        (b'{"a":"x\x00y"}', "NUL"),
        (rb'{"a":"\ud83d"}', "half a character"),
        (rb'{"\udc00":1}', "half a character"),
        (b'{"a":"\xff\xfe"}', "half a character"),
        (nested(65), "nested deeper"),
        (nested(300), "nested deeper"),
        (nested(20_000), "nested deeper"),
        (b"[" * 20_000 + b"]" * 20_000, "nested deeper"),
    ],
)
def test_what_cannot_be_kept_is_read_and_said(raw: bytes, flaw: str) -> None:
    parsed = body.parse(raw)

    if body.flaw(parsed.value) != "is nested deeper than 64 levels":
        assert parsed.is_suspect
    assert flaw in body.flaw(parsed.value)
    assert body.flaw(body.storable(parsed.value)) == ""
    assert orjson.dumps(body.storable(parsed.value))


def test_an_abyss_beside_good_neighbours_leaves_them_readable() -> None:
    parsed = body.parse(b'{"batch":[{"a":1},' + nested(5_000) + b',{"b":"]}"}]}')

    assert isinstance(parsed.value, dict)
    first, deep, last = parsed.value["batch"]
    assert (first, last) == ({"a": 1}, {"b": "]}"})
    assert body.flaw(deep)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"  \n", b"{", b'{"a"}', b"<html>", b"\x1f\x8bnothing", b"data=%%%", b"\xff\xfe{"),
        gzip.compress(b'{"a":1}', mtime=0)[:-1],
        b"[" * 20_000,
        b'{"a":' * 2_000,
        gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0),
    ],
)
def test_what_is_no_json_at_all_cannot_be_read(raw: bytes) -> None:
    with pytest.raises(body.Unreadable):
        body.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [b" " * (body.RECEIVED_BYTES + 1), gzip.compress(b"1" * (body.UNPACKED_BYTES + 1), mtime=0)],
)
def test_a_body_over_its_limit_is_too_large(raw: bytes) -> None:
    with pytest.raises(body.TooLarge):
        body.parse(raw)


def test_a_body_may_fill_its_limit() -> None:
    packed = gzip.compress(b'"' + b"x" * (body.UNPACKED_BYTES - 2) + b'"')

    assert body.parse(packed).size == body.UNPACKED_BYTES


def test_a_gzip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    assert len(bomb) < body.RECEIVED_BYTES

    with pytest.raises(body.TooLarge):
        body.parse(bomb)


@pytest.mark.parametrize(
    "value",
    [b'{"event":"a+b"}', base64.b64encode(b'{"event":"a+b"}'),
     base64.b64encode(gzip.compress(b'{"event":"a+b"}', mtime=0))],
)  # fmt: skip
def test_a_form_field_may_hold_the_body(value: bytes) -> None:
    raw = b"data=" + quote(value.decode(), safe="").encode() + b"&ver=1"

    assert body.parse(raw).value == {"event": "a+b"}


def test_of_two_equal_keys_the_last_counts() -> None:
    assert body.parse(b'{"a":1,"a":2}').value == {"a": 2}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for given_bytes in (raw, b"\x1f\x8b" + raw, b"data=" + raw, gzip.compress(raw)):
        try:
            parsed = body.parse(given_bytes)
        except (body.Unreadable, body.TooLarge):
            continue
        if not body.flaw(parsed.value):
            orjson.dumps(parsed.value)
        orjson.dumps(body.storable(parsed.value))


def test_a_number_that_is_none_is_named_when_stored() -> None:
    assert body.storable([math.nan, 2**70, 5, True]) == ["nan", str(float(2**70)), 5, True]
