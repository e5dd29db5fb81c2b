"""Short signed tokens for links in mails, each good for one purpose only."""

import binascii
import hmac
import re
from dataclasses import dataclass
from struct import Struct
from typing import Final, Literal

TokenKind = Literal["open", "click", "unsubscribe"]

_MAC_BYTES: Final = 14
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
    signature = hmac.digest(key, _PREFIX[kind] + payload, "sha256")[:_MAC_BYTES]
    encoded = binascii.b2a_base64(payload + signature, newline=False)
    return encoded.translate(_TO_URL).decode("ascii")


def read(token: str, *, kind: TokenKind, key: bytes) -> Token | None:
    """What a token says, or None for any other text, key or purpose."""
    if not _FORM.fullmatch(token):
        return None
    data = binascii.a2b_base64(token.translate(_FROM_URL))
    payload, signature = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
    expected = hmac.digest(key, _PREFIX[kind] + payload, "sha256")[:_MAC_BYTES]
    if not hmac.compare_digest(signature, expected):
        return None
    send_id, link_id = _PAYLOAD.unpack(payload)
    return Token(kind=kind, send_id=send_id, link_id=link_id)
