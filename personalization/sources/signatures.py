"""Is a webhook really from its shop? Decided on the raw body, in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
# HubSpot signs the address with these decoded, and with no others.
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
    "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_LONGEST_NUMBER = 16


def is_signed(body: bytes, *, given: str, secrets: Sequence[str]) -> bool:
    """Tell for Shopify and WooCommerce: base64 of HMAC-SHA256 over the body as it came."""
    return _matches([given], body, keys=[secret.encode() for secret in secrets])


def is_signed_by_hubspot(
    body: bytes,
    *,
    method: str,
    urls: Iterable[str],
    timestamp: str,
    given: str,
    secrets: Sequence[str],
    now: datetime,
) -> bool:
    """Tell for HubSpot v3: method, public address, body and time are all signed; 5 minutes.

    `urls` are the addresses by which HubSpot may know us: behind a proxy there are two.
    """
    if not _is_recent(timestamp, unit=timedelta(milliseconds=1), now=now):
        return False
    keys = [secret.encode() for secret in secrets]
    return any(
        _matches(
            [given], method.encode() + _decoded(url).encode() + body + timestamp.encode(), keys=keys
        )
        for url in urls
    )


def is_signed_by_standard(
    body: bytes,
    *,
    message_id: str,
    timestamp: str,
    given: str,
    keys: Sequence[bytes],
    now: datetime,
) -> bool:
    """Tell for Standard Webhooks: `v1,` and base64 over `id.timestamp.body`; 5 minutes.

    Several signatures may stand in the header, parted by blanks: the sender's rotation.
    """
    if not message_id or not _is_recent(timestamp, unit=timedelta(seconds=1), now=now):
        return False
    found = [each.removeprefix("v1,") for each in given.split(" ") if each.startswith("v1,")]
    signed = f"{message_id}.{timestamp}.".encode(errors="surrogateescape") + body
    return _matches(found[:10], signed, keys=keys)


def _matches(given: Sequence[str], signed: bytes, /, *, keys: Sequence[bytes]) -> bool:
    """Compare each signature with each key's, all of them, however early one fits."""
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys if key]
    found = [
        hmac.compare_digest(mine, theirs.encode(errors="replace"))
        for mine in expected
        for theirs in given
    ]
    return any(found)


def _is_recent(timestamp: str, *, unit: timedelta, now: datetime) -> bool:
    """Tell whether a whole number of units since 1970 lies within five minutes of now."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_NUMBER):
        return False
    age = (now - datetime(1970, 1, 1, tzinfo=UTC)) / unit - int(timestamp)
    return abs(age) <= TOLERANCE / unit


def _decoded(url: str) -> str:
    for code, sign in _DECODED.items():
        url = url.replace(code, sign).replace(code.lower(), sign)
    return url
