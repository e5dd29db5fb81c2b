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
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

NONCE_BYTES = 12
KEY_BYTES = 32
KEY_PLACE = "consent_datasubject.wrapped_key"
_VERSION = re.compile(r"v[1-9]\d{0,5}")


class SealBroken(Exception):
    """A sealed value does not open: wrong key, wrong row, or changed bytes."""


def normalise_email(address: str) -> str:
    """Return the form two spellings of one mailbox share, or raise ValidationError."""
    trimmed = address.strip()
    local, at, domain = unicodedata.normalize("NFC", trimmed).rpartition("@")
    try:
        host = domain.lower().encode("idna").decode()
    except UnicodeError:
        host = ""
    # Control characters would reach mail headers.
    if not at or not local or not host or not trimmed.isprintable():
        raise ValidationError("not an email address: expected name@domain", code="invalid")
    # Lower case comes apart again for some letters, so it is composed once more.
    normal = unicodedata.normalize("NFC", f"{local.lower()}@{host}")
    # The validator knows ASCII only; letters of other scripts stand where an `a` may.
    validate_email("".join("a" if _is_foreign_letter(each) else each for each in normal))
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
    return _versioned(
        version, seal(os.urandom(KEY_BYTES), key=master, place=KEY_PLACE, owner=pseudonym)
    )


def unwrap(wrapped: bytes | memoryview, *, pseudonym: str) -> AESGCM:
    """Open a subject's key for sealing and opening that subject's values."""
    master, sealed = _master_of(wrapped, masters=_masters())
    return AESGCM(open_sealed(sealed, key=master, place=KEY_PLACE, owner=pseudonym))


def seal(plain: bytes, *, key: AESGCM, place: str, owner: str | int) -> bytes:
    """Encrypt for one place (`table.column`) and one owner."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, f"{place}|{owner}".encode())


def open_sealed(sealed: bytes | memoryview, *, key: AESGCM, place: str, owner: str | int) -> bytes:
    """Decrypt what `seal` made for the same place and owner; SealBroken when it does not open."""
    sealed = bytes(sealed)
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{place}|{owner}".encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(f"{place} of owner {owner} does not open") from error


def seal_for_system(plain: bytes, *, place: str, owner: str) -> bytes:
    """Encrypt what has no known owner yet, as an event waiting in the inbox."""
    version, master = next(iter(_system_keys().items()))
    return _versioned(version, seal(plain, key=master, place=place, owner=owner))


def open_for_system(sealed: bytes | memoryview, *, place: str, owner: str) -> bytes:
    """Decrypt what `seal_for_system` made, under whichever key was the newest then."""
    master, rest = _master_of(sealed, masters=_system_keys())
    return open_sealed(rest, key=master, place=place, owner=owner)


def key_problems() -> list[str]:
    """Say what is wrong with the keys of the settings; each names its variable, none a key."""
    checks: tuple[Callable[[], object], ...] = (
        _masters,
        lambda: blind_index("", ""),
        lambda: suppression_hash(""),
    )
    problems = []
    for check in checks:
        try:
            check()
        except ImproperlyConfigured as problem:
            problems.append(str(problem))
    return problems


def _is_foreign_letter(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character)[0] in "LMN"


def _versioned(version: str, sealed: bytes) -> bytes:
    return version.encode() + b":" + sealed


def _master_of(sealed: bytes | memoryview, *, masters: dict[str, AESGCM]) -> tuple[AESGCM, bytes]:
    name, _, rest = bytes(sealed).partition(b":")
    version = name.decode(errors="replace")
    master = masters.get(version)
    if master is None and not _VERSION.fullmatch(version):
        raise SealBroken("a sealed value does not say which key sealed it: its bytes were changed")
    if master is None:
        raise ImproperlyConfigured(
            f"ATTUNE_ENCRYPTION_KEYS lacks version {version}, which sealed stored keys. "
            "Add it again beside the newest one."
        )
    return master, rest


def _masters() -> dict[str, AESGCM]:
    return _masters_of(settings.ATTUNE_ENCRYPTION_KEYS)


def _system_keys() -> dict[str, AESGCM]:
    return _system_keys_of(settings.ATTUNE_ENCRYPTION_KEYS)


@lru_cache(maxsize=4)
def _masters_of(text: str) -> dict[str, AESGCM]:
    return {version: AESGCM(raw) for version, raw in _parse(text).items()}


@lru_cache(maxsize=4)
def _system_keys_of(text: str) -> dict[str, AESGCM]:
    return {
        version: AESGCM(hmac.digest(raw, b"system", hashlib.sha256))
        for version, raw in _parse(text).items()
    }


def _parse(text: str) -> dict[str, bytes]:
    """Read `v1:base64,v2:base64` in any order; the highest version comes first and seals."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        version, _, encoded = part.strip().partition(":")
        # The text may be a key without its version: it is never quoted.
        if not _VERSION.fullmatch(version) or version in keys:
            raise ImproperlyConfigured(
                "ATTUNE_ENCRYPTION_KEYS must read v1:KEY, or v1:KEY,v2:KEY after a change of keys, "
                "each version once; make a KEY with: openssl rand -base64 32"
            )
        keys[version] = _decode(encoded, name="ATTUNE_ENCRYPTION_KEYS")
    return dict(sorted(keys.items(), key=lambda pair: int(pair[0][1:]), reverse=True))


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
