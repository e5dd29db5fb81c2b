"""Who calls the API: a program with an API key or a token, as one thing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError

from consent import keys, oauth

# Who was let in so lately is let in while the database is away: nobody can be refused meanwhile,
# and without it nothing personal can be answered.
TRUSTED = timedelta(minutes=5)
_MOST = 1_000


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


# By the hash of the secret: who, and when the database last said so.
_seen: dict[str, tuple[Caller, datetime]] = {}


def find(secret: str, *, now: datetime) -> Caller | None:
    """Return the program that a key or token belongs to, if it holds now."""
    hashed = keys.hashed(secret)
    try:
        caller = _find(secret, now=now)
    except OperationalError:
        known = _seen.get(hashed)
        if known is None or now - known[1] > TRUSTED:
            raise
        return known[0]
    if caller is None:
        _seen.pop(hashed, None)
        return None
    if len(_seen) >= _MOST:
        _seen.clear()
    _seen[hashed] = caller, now
    return caller


def forget() -> None:
    """Trust nobody who was let in before: in tests."""
    _seen.clear()


def _find(secret: str, *, now: datetime) -> Caller | None:
    if secret.startswith(keys.START):
        key = keys.find(secret, now=now)
        if key is None:
            return None
        return Caller(f"api_key:{key.pk}", key.name, key.scopes, key.source)
    token = oauth.find(secret, now=now)
    if token is None:
        return None
    return Caller(f"oauth:{token.client_pk}", token.name, token.scopes, token.source)
