"""Keys and identifiers: normalise an address, index it blindly, seal what is personal.

Three keys, three purposes: the encryption keys wrap one random key per subject, the blind index
key finds a person by an identifier, the suppression key keeps refusing an address after the
person's erasure. AES-256-GCM, the nonce in front; what is sealed is bound to its place and owner
by the associated data, so a ciphertext copied to another row or column does not open.
"""

import base64
import hashlib
import hmac
import os
import unicodedata
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

NONCE_BYTES = 12
KEY_BYTES = 32


class SealBroken(Exception):
    """A sealed value does not open: wrong key, wrong row, or changed bytes."""


def normalise_email(address: str) -> str:
    """Return the form two spellings of one mailbox share, or raise ValidationError."""
    local, at, domain = unicodedata.normalize("NFC", address).strip().rpartition("@")
    try:
        host = domain.lower().encode("idna").decode()
    except UnicodeError:
        host = ""
    # Control characters would reach mail headers.
    if not at or not local or not host or not address.isprintable():
        raise ValidationError("not an email address: expected name@domain", code="invalid")
    normal = f"{local.lower()}@{host}"
    if normal.isascii():
        validate_email(normal)
    return normal


def blind_index(kind: str, value: str) -> str:
    """Return the keyed hash an identifier is found by (hex, 64 characters)."""
    return _keyed_hash("ATTUNE_BLIND_INDEX_KEY", f"{kind}:{value}")


def suppression_hash(email: str) -> str:
    """Return the keyed hash of a normalised address on the suppression list."""
    return _keyed_hash("ATTUNE_SUPPRESSION_KEY", email)


def new_wrapped_key(pseudonym: str) -> bytes:
    """Make a key for one subject, wrapped by the newest encryption key; store only this."""
    version, master = next(iter(_masters().items()))
    sealed = seal(
        os.urandom(KEY_BYTES), key=master, place="consent_datasubject.wrapped_key", owner=pseudonym
    )
    return version.encode() + b":" + sealed


def unwrap(wrapped: bytes, *, pseudonym: str) -> AESGCM:
    """Open a subject's key for sealing and opening that subject's values."""
    version, _, sealed = bytes(wrapped).partition(b":")
    master = _masters().get(version.decode())
    if master is None:
        raise ImproperlyConfigured(
            f"ATTUNE_ENCRYPTION_KEYS lacks version {version.decode()!r}, which sealed stored keys. "
            "Add it again behind the newest one."
        )
    return AESGCM(
        open_sealed(sealed, key=master, place="consent_datasubject.wrapped_key", owner=pseudonym)
    )


def seal(plain: bytes, *, key: AESGCM, place: str, owner: str | int) -> bytes:
    """Encrypt for one place (`table.column`) and one owner."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, f"{place}|{owner}".encode())


def open_sealed(sealed: bytes, *, key: AESGCM, place: str, owner: str | int) -> bytes:
    """Decrypt what `seal` made for the same place and owner; SealBroken when it does not open."""
    sealed = bytes(sealed)
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{place}|{owner}".encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(f"{place} of owner {owner} does not open") from error


def system_key() -> AESGCM:
    """Return the key for what has no known owner yet, as an event waiting in the inbox."""
    return _derived("system")


@lru_cache(maxsize=8)
def _derived(label: str) -> AESGCM:
    newest = _parse(settings.ATTUNE_ENCRYPTION_KEYS)
    raw = next(iter(newest.values()))
    return AESGCM(hmac.digest(raw, label.encode(), hashlib.sha256))


def _masters() -> dict[str, AESGCM]:
    return _masters_of(settings.ATTUNE_ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _masters_of(text: str) -> dict[str, AESGCM]:
    return {version: AESGCM(raw) for version, raw in _parse(text).items()}


@lru_cache(maxsize=4)
def _parse(text: str) -> dict[str, bytes]:
    """Read `v2:base64,v1:base64`; the first one seals, all of them open."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        version, _, encoded = part.strip().partition(":")
        keys[version] = _decode(encoded, name="ATTUNE_ENCRYPTION_KEYS")
    return keys


@lru_cache(maxsize=8)
def _decode(encoded: str, *, name: str) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"{name} must hold 32 random bytes in base64; make them with: openssl rand -base64 32"
        )
    return raw


def _keyed_hash(setting: str, value: str) -> str:
    key = _decode(getattr(settings, setting), name=setting)
    return hmac.digest(key, value.encode(), "sha256").hex()
