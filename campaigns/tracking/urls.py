"""The addresses that go into mails; each carries a token that fits one purpose only."""

import base64
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from campaigns.tracking.tokens import sign


def token_key() -> bytes:
    return _decoded(settings.ATTUNE_TOKEN_KEY)


@lru_cache(maxsize=4)
def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where our links lead, and what signs them; read from the settings once for many mails."""

    home: str
    key: bytes

    def pixel(self, send_id: int) -> str:
        return f"{self.home}/o/{sign('open', send_id, key=self.key)}.gif"

    def click(self, send_id: int, *, link_id: int) -> str:
        return f"{self.home}/c/{sign('click', send_id, link_id, key=self.key)}"

    def unsubscribe(self, send_id: int) -> str:
        return f"{self.home}/u/{sign('unsubscribe', send_id, key=self.key)}"


def addresses() -> Addresses:
    return Addresses(home=settings.PUBLIC_URL, key=token_key())
