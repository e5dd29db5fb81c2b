"""Signatures of webhooks: valid, altered, stale, rotated."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from personalization.sources import signatures

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"id": 820982911946154508, "note": "gr\xc3\xbc\xc3\x9fe"}'
URL = "https://attune.example/webhooks/hubspot/?source=crm"
MILLIS = str(int(NOW.timestamp() * 1000))
SECONDS = str(int(NOW.timestamp()))


def signed(body: bytes, key: bytes) -> str:
    return base64.b64encode(hmac.digest(key, body, hashlib.sha256)).decode()


def hubspot(
    *,
    body: bytes = BODY,
    url: str = URL,
    timestamp: str = MILLIS,
    secret: str = "new",
    method: str = "POST",
    now: datetime = NOW,
    urls: tuple[str, ...] = (URL,),
) -> bool:
    base = f"{method}{url}".encode() + BODY + timestamp.encode()
    return signatures.is_signed_by_hubspot(
        body, method="POST", urls=urls, timestamp=timestamp, given=signed(base, secret.encode()),
        secrets=("new", "old"), now=now,
    )  # fmt: skip


def standard(
    *, given: str | None = None, timestamp: str = SECONDS, key: bytes = b"new", body: bytes = BODY,
    message_id: str = "msg_1", now: datetime = NOW,
) -> bool:  # fmt: skip
    made = "v1," + signed(f"msg_1.{timestamp}.".encode() + BODY, key)
    return signatures.is_signed_by_standard(
        body, message_id=message_id, timestamp=timestamp, given=made if given is None else given,
        keys=(b"new", b"old"), now=now,
    )  # fmt: skip


def test_a_known_signature_is_accepted() -> None:
    # Worked out with: printf '%s' '{"a":1}' | openssl dgst -sha256 -hmac secret -binary | base64
    given = "qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ="

    assert signatures.is_signed(b'{"a":1}', given=given, secrets=("secret",))


@pytest.mark.parametrize("secret", ["new", "old"])
def test_both_secrets_of_a_rotation_are_accepted(secret: str) -> None:
    given = signed(BODY, secret.encode())

    assert signatures.is_signed(BODY, given=given, secrets=("new", "old"))


@pytest.mark.parametrize("position", [0, 7, len(BODY) - 1])
def test_one_altered_byte_is_refused(position: int) -> None:
    altered = bytearray(BODY)
    altered[position] ^= 1

    assert not signatures.is_signed(
        bytes(altered), given=signed(BODY, b"new"), secrets=("new", "old")
    )


def test_the_same_json_written_otherwise_is_refused() -> None:
    given = signed(b'{"a": 1}', b"new")

    assert not signatures.is_signed(b'{"a":1}', given=given, secrets=("new",))


@pytest.mark.parametrize("given", ["", "garbage", "ä", "\udcff", "A" * 100_000])
def test_a_signature_that_is_none_is_refused(given: str) -> None:
    assert not signatures.is_signed(BODY, given=given, secrets=("new",))


def test_an_empty_secret_signs_nothing() -> None:
    assert not signatures.is_signed(BODY, given=signed(BODY, b""), secrets=("",))
    assert not signatures.is_signed(BODY, given=signed(BODY, b""), secrets=())


def test_hubspot_signs_method_address_body_and_time() -> None:
    assert hubspot()
    assert hubspot(secret="old")
    assert not hubspot(secret="other")
    assert not hubspot(method="GET")
    assert not hubspot(url="http://10.0.0.7:8000/webhooks/hubspot/?source=crm")
    assert not hubspot(body=BODY + b" ")


def test_hubspot_may_know_us_by_either_address() -> None:
    assert hubspot(urls=("http://10.0.0.7:8000/webhooks/hubspot/?source=crm", URL))


def test_hubspot_signs_the_address_with_some_signs_decoded() -> None:
    asked = "https://attune.example/webhooks/hubspot/?source=a%2cb%3A%20c"

    assert hubspot(url="https://attune.example/webhooks/hubspot/?source=a,b:%20c", urls=(asked,))


@pytest.mark.parametrize("late", [timedelta(minutes=4, seconds=59), timedelta(minutes=-4)])
def test_a_recent_timestamp_is_accepted(late: timedelta) -> None:
    assert hubspot(now=NOW + late)
    assert standard(now=NOW + late)


@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=-10)])
def test_a_stale_or_future_timestamp_is_refused(late: timedelta) -> None:
    assert not hubspot(now=NOW + late)
    assert not standard(now=NOW + late)


@pytest.mark.parametrize("bad", ["", "-1", "1e20", "abc", "٣", "9" * 400, " 1", "1.5"])
def test_a_timestamp_that_is_none_is_refused(bad: str) -> None:
    assert not hubspot(timestamp=bad)
    assert not standard(timestamp=bad)


def test_a_standard_webhook_is_accepted_with_either_key() -> None:
    assert standard()
    assert standard(key=b"old")
    assert not standard(key=b"other")
    assert not standard(body=BODY + b" ")
    assert not standard(message_id="msg_2")
    assert not standard(message_id="")


def test_one_of_several_standard_signatures_is_enough() -> None:
    good = signed(f"msg_1.{SECONDS}.".encode() + BODY, b"new")

    assert standard(given=f"v1,bm90IHRoaXM= v1a,{good} v1,{good}")
    assert not standard(given=f"v1a,{good}")
    assert not standard(given=good)


def test_the_published_standard_example_is_accepted() -> None:
    """The example of the Standard Webhooks reference libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = datetime.fromtimestamp(1614265330, tz=UTC)

    assert signatures.is_signed_by_standard(
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp="1614265330",
        given="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        keys=[key],
        now=sent,
    )


@drawn(body=st.binary(max_size=50), given=st.text(max_size=50), timestamp=st.text(max_size=20))
def test_nothing_unsigned_passes_and_nothing_raises(
    body: bytes, given: str, timestamp: str
) -> None:
    assert not signatures.is_signed(body, given=given, secrets=("new",))
    assert not signatures.is_signed_by_hubspot(
        body, method="POST", urls=[URL], timestamp=timestamp, given=given, secrets=("new",), now=NOW
    )
    assert not signatures.is_signed_by_standard(
        body, message_id="msg_1", timestamp=timestamp, given=given, keys=[b"new"], now=NOW
    )
