"""The addresses that go into mails; each carries a token that fits one purpose only."""

import base64
from functools import lru_cache

from django.conf import settings

from campaigns.tracking.tokens import sign


def token_key() -> bytes:
    return _decoded(settings.ATTUNE_TOKEN_KEY)


@lru_cache(maxsize=4)
def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


def pixel(send_id: int) -> str:
    return f"{settings.PUBLIC_URL}/o/{sign('open', send_id, key=token_key())}.gif"


def click(send_id: int, *, link_id: int) -> str:
    return f"{settings.PUBLIC_URL}/c/{sign('click', send_id, link_id, key=token_key())}"


def unsubscribe(send_id: int) -> str:
    return f"{settings.PUBLIC_URL}/u/{sign('unsubscribe', send_id, key=token_key())}"
