"""Who calls the API: a program with an API key or a token, as one thing."""

from dataclasses import dataclass
from datetime import datetime

from consent import keys, oauth


@dataclass(frozen=True, slots=True)
class Caller:
    """`id` tells a program apart in evidence and logs; `source` says whose numbers it uses."""

    id: str
    name: str
    scopes: frozenset[str]
    source: str = ""

    @property
    def is_authenticated(self) -> bool:
        """REST framework asks it of whom it takes for a user."""
        return True


def find(secret: str, *, now: datetime) -> Caller | None:
    """Return the program that a key or token belongs to, if it holds now."""
    if secret.startswith(keys.START):
        key = keys.find(secret, now=now)
        if key is None:
            return None
        return Caller(f"api_key:{key.pk}", key.name, key.scopes, key.source)
    token = oauth.find(secret, now=now)
    if token is None:
        return None
    return Caller(f"oauth:{token.client_pk}", token.name, token.scopes, token.source)
