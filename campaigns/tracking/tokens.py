"""Short signed tokens for links in mails, each good for one purpose only."""

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final, Literal

TokenKind = Literal["open", "click", "unsubscribe"]

_MAC_BYTES: Final = 14
_BLOCK_BYTES: Final = 64
_PAYLOAD: Final = Struct(">QQ")
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{40}")  # 30 bytes: no padding, one spelling only
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = str.maketrans("-_", "+/")
_PREFIX: Final[dict[TokenKind, bytes]] = {
    "open": b"attune:open:",
    "click": b"attune:click:",
    "unsubscribe": b"attune:unsubscribe:",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`send_id` 0 stands for nobody: a link that only counts for its campaign."""

    kind: TokenKind
    send_id: int
    link_id: int


def sign(kind: TokenKind, send_id: int, link_id: int = 0, *, key: bytes) -> str:
    """40 letters, fit for a URL."""
    payload = _PAYLOAD.pack(send_id, link_id)
    encoded = binascii.b2a_base64(payload + _signature(kind, payload, key=key), newline=False)
    return str(encoded.translate(_TO_URL), "ascii")


def read(token: str, *, kind: TokenKind, key: bytes) -> Token | None:
    """What a token says, or None for any other text, key or purpose."""
    if not _FORM.fullmatch(token):
        return None
    data = binascii.a2b_base64(token.translate(_FROM_URL))
    payload, signature = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    if not hmac.compare_digest(signature, _signature(kind, payload, key=key)):
        return None
    send_id, link_id = _PAYLOAD.unpack(payload)
    return Token(kind=kind, send_id=send_id, link_id=link_id)


def _signature(kind: TokenKind, payload: bytes, *, key: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104): `hmac.digest`, without taking the key in anew for each link."""
    inner, outer = _halves(_PREFIX[kind], key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(payload)
    outer.update(inner.digest())
    return outer.digest()[:_MAC_BYTES]


@lru_cache(maxsize=16)
def _halves(prefix: bytes, key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the two hashes of the HMAC as far as every token of one purpose shares them."""
    short = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    padded = short.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (hashlib.sha256(bytes(each ^ pad for each in padded)) for pad in (0x36, 0x5C))
    inner.update(prefix)
    return inner, outer
