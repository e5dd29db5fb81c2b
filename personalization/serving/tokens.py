"""A name for a person that tells nothing: fit for URLs and for the attributes of a provider."""

import base64
import hmac
import uuid
from binascii import Error

from django.conf import settings

_MAC_BYTES = 14
_UUID_BYTES = 16
_PURPOSE = b"attune:person:"


def sign(pseudonym: uuid.UUID) -> str:
    """Return 40 letters that lead to one person, as long as the token key is the same."""
    mac = _mac(pseudonym.bytes)
    return base64.urlsafe_b64encode(pseudonym.bytes + mac).decode()


def read(token: str) -> uuid.UUID | None:
    """Return the pseudonym a token leads to, or None for any other text."""
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (Error, UnicodeEncodeError):
        return None
    payload, mac = data[:_UUID_BYTES], data[_UUID_BYTES:]
    if len(payload) != _UUID_BYTES or not hmac.compare_digest(mac, _mac(payload)):
        return None
    return uuid.UUID(bytes=payload)


def _mac(payload: bytes) -> bytes:
    key = base64.b64decode(settings.ATTUNE_TOKEN_KEY)
    return hmac.digest(key, _PURPOSE + payload, "sha256")[:_MAC_BYTES]
