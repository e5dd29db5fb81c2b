"""OAuth 2.0 client credentials: make and revoke clients, say what they may, find their tokens."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.crypto import constant_time_compare
from oauth2_provider.models import AccessToken

from consent import audit, statements
from consent.models import ApiKey, OAuthClient

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Made:
    """A new client; `secret` is the only copy of it there will ever be."""

    row: OAuthClient
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that holds now, and what it lets its client do."""

    client_pk: int
    name: str
    scopes: frozenset[str]
    source: str


_GRANTED = """
SELECT client.id, client.name, client.scopes, client.source, token.scope
FROM oauth2_provider_accesstoken token
JOIN consent_oauthclient client ON client.id = token.application_id
WHERE token.token_checksum = %s AND token.expires > %s AND client.revoked_at IS NULL
"""


class RandomSecretHasher(BasePasswordHasher):
    """One round over 256 random bits, which nobody can guess: a slow hash would only slow us."""

    algorithm = "attune_random"

    def encode(self, password: str, salt: str) -> str:
        hashed = hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
        return f"{self.algorithm}${salt}${hashed}"

    def verify(self, password: str, encoded: str) -> bool:
        _, salt, _ = encoded.split("$", 2)
        return constant_time_compare(encoded, self.encode(password, salt))

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, salt, hashed = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": hashed}

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        return {"algorithm": self.algorithm}

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to do: the time does not depend on settings."""


class ClientScopes:
    """A client may ask for its own scopes, and gets all of them when it names none."""

    def get_all_scopes(self) -> Mapping[str, str]:
        return dict(ApiKey.Scope.choices)

    def get_available_scopes(
        self, application: OAuthClient | None = None, *args: object, **kwargs: object
    ) -> Sequence[str]:
        return application.scopes if application else []

    def get_default_scopes(
        self, application: OAuthClient | None = None, *args: object, **kwargs: object
    ) -> Sequence[str]:
        return self.get_available_scopes(application)


@transaction.atomic
def make(
    name: str,
    *,
    scopes: Sequence[str],
    actor: AbstractBaseUser | None,
    source: str = "",
) -> Made:
    """Make a client for one program; it can do nothing but fetch tokens for itself."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = OAuthClient.objects.create(
        name=name,
        scopes=list(scopes),
        source=source,
        client_secret=secret,
        client_type=OAuthClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=OAuthClient.GRANT_CLIENT_CREDENTIALS,
        created_by_id=actor.pk if actor else None,
    )
    audit.note("oauth_client.make", actor=actor, target=row, detail={"scopes": row.scopes})
    return Made(row=row, secret=secret)


@transaction.atomic
def revoke(row: OAuthClient, *, actor: AbstractBaseUser, now: datetime) -> bool:
    """Refuse a client and all its tokens from now on; say whether this is news."""
    open_ones = OAuthClient.objects.filter(pk=row.pk, revoked_at=None)
    is_news = bool(open_ones.update(revoked_at=now))
    AccessToken.objects.filter(application=row).delete()
    if is_news:
        audit.note("oauth_client.revoke", actor=actor, target=row)
    return is_news


def find(token: str, *, now: datetime) -> Granted | None:
    """Return what a token that holds now lets its client do (one query)."""
    checksum = hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
    for pk, name, of_client, source, of_token in statements.rows(_GRANTED, [checksum, now]):
        # A scope that was taken from the client since is taken from its tokens, too.
        scopes = frozenset(of_token.split()) & frozenset(of_client)
        return Granted(pk, name, scopes, source)
    return None


def forget_expired(*, now: datetime) -> int:
    """Delete tokens that ran out; return how many."""
    count, _ = AccessToken.objects.filter(expires__lte=now).delete()
    return count
