"""Make, find and revoke keys for programs; a key is shown once, only its hash is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from consent import audit, statements
from consent.models import ApiKey

START = "atk_"
_SHOWN_LENGTH = 12
_RANDOM_BYTES = 32
_USED_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Made:
    """A new key; `secret` is the only copy of it there will ever be."""

    row: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """A key that holds now, and what its program may do."""

    pk: int
    name: str
    scopes: frozenset[str]
    source: str


_HELD = """
SELECT id, name, scopes, source, last_used_at FROM consent_apikey
WHERE hash = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)
"""


@transaction.atomic
def make(
    name: str,
    *,
    scopes: Sequence[str],
    actor: AbstractBaseUser | None,
    now: datetime,
    source: str = "",
    expires_at: datetime | None = None,
) -> Made:
    """Make a key of 256 random bits for a program."""
    secret = START + secrets.token_urlsafe(_RANDOM_BYTES)
    row = ApiKey.objects.create(
        name=name,
        prefix=secret[:_SHOWN_LENGTH],
        hash=hashed(secret),
        scopes=list(scopes),
        source=source,
        created_by_id=actor.pk if actor else None,
        created_at=now,
        expires_at=expires_at,
    )
    audit.note("api_key.make", actor=actor, target=row, detail={"scopes": row.scopes})
    return Made(row=row, secret=secret)


def find(secret: str, *, now: datetime) -> Held | None:
    """Return the key of a program if it holds now, and note to the minute that it was used."""
    for pk, name, scopes, source, last_used_at in statements.rows(_HELD, [hashed(secret), now]):
        if last_used_at is None or now - last_used_at >= _USED_STEP:
            ApiKey.objects.filter(pk=pk).update(last_used_at=now)
        return Held(pk, name, frozenset(scopes), source)
    return None


@transaction.atomic
def revoke(row: ApiKey, *, actor: AbstractBaseUser, now: datetime) -> bool:
    """Refuse a key from now on; say whether this is news."""
    is_news = bool(ApiKey.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now))
    if is_news:
        audit.note("api_key.revoke", actor=actor, target=row)
    return is_news


def hashed(secret: str) -> str:
    """Return what is kept of a key; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
