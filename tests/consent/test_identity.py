"""Addresses in one spelling, blind indexes, and seals that open in one place only."""

import base64
import os
import unicodedata

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from consent import identity

OWNER = "0b5c1c5e-0000-4000-8000-000000000001"
OTHER = "0b5c1c5e-0000-4000-8000-000000000002"


def fresh_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.mark.parametrize(
    ("given_", "normal"),
    [
        ("anna@example.com", "anna@example.com"),
        ("  Anna.Berg@Example.COM\n", "anna.berg@example.com"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOS\u00c9@example.com", "jos\u00e9@example.com"),
        ("anna+tag@example.com", "anna+tag@example.com"),
        ("अनु@example.com", "अनु@example.com"),
    ],
)
def test_spellings_of_one_mailbox_become_one(given_: str, normal: str) -> None:
    assert identity.normalise_email(given_) == normal


@pytest.mark.parametrize(
    "address",
    [
        "", "anna", "@example.com", "anna@", "anna@@example.com", "anna@exa mple.com",
        "anna@example.com\nBcc: all@example.com", "an\x00na@example.com", "an\u202ena@example.com",
        "anna@-example.com", "anna@" + "x" * 64 + ".com", "an na@example.com", "ä nna@example.com",
        "ä,b@example.com", "ä<script>@example.com", "ä@b,c@example.com", "ä\u2028@example.com",
        "anna@example..com", "a" * 320 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="email address"):
        identity.normalise_email(address)


WORD = st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=8)


@given(local=WORD, host=WORD)
def test_normalising_again_changes_nothing(local: str, host: str) -> None:
    try:
        normal = identity.normalise_email(f"{local}@{host}.example")
    except ValidationError:
        return

    assert identity.normalise_email(normal) == normal
    assert normal.isprintable()
    assert normal == unicodedata.normalize("NFC", normal)


def test_blind_index_depends_on_kind_value_and_key_and_not_on_the_suppression_key(
    settings: Settings,
) -> None:
    before = identity.blind_index("email", "anna@example.com")
    suppressed = identity.suppression_hash("anna@example.com")
    assert before == identity.blind_index("email", "anna@example.com")
    assert len({before, suppressed, identity.blind_index("phone", "anna@example.com")}) == 3

    settings.ATTUNE_BLIND_INDEX_KEY = fresh_key()

    assert identity.blind_index("email", "anna@example.com") != before
    assert identity.suppression_hash("anna@example.com") == suppressed
    assert len(before) == len(suppressed) == 64


@pytest.mark.parametrize(
    ("place", "owner"),
    [("consent_identifier.phone", OWNER), ("consent_identifier.email", OTHER), ("", OWNER)],
)
def test_a_seal_opens_for_its_own_place_and_owner_only(place: str, owner: str) -> None:
    key = identity.unwrap(identity.new_wrapped_key(OWNER), pseudonym=OWNER)
    sealed = identity.seal(b"secret", key=key, place="consent_identifier.email", owner=OWNER)
    opened = identity.open_sealed(sealed, key=key, place="consent_identifier.email", owner=OWNER)
    assert opened == b"secret"

    with pytest.raises(identity.SealBroken):
        identity.open_sealed(sealed, key=key, place=place, owner=owner)


@pytest.mark.parametrize("change", [b"", b"short", bytes(40)])
def test_changed_bytes_do_not_open(change: bytes) -> None:
    key = identity.unwrap(identity.new_wrapped_key(OWNER), pseudonym=OWNER)

    with pytest.raises(identity.SealBroken):
        identity.open_sealed(change, key=key, place="a.b", owner=OWNER)


def test_a_wrapped_key_copied_to_another_subject_does_not_open() -> None:
    wrapped = identity.new_wrapped_key(OWNER)

    with pytest.raises(identity.SealBroken):
        identity.unwrap(wrapped, pseudonym=OTHER)


def test_the_same_text_is_sealed_differently_each_time() -> None:
    key = identity.unwrap(identity.new_wrapped_key(OWNER), pseudonym=OWNER)

    sealed = {identity.seal(b"same", key=key, place="a.b", owner=OWNER) for _ in range(50)}

    assert len(sealed) == 50


@pytest.mark.parametrize("order", ["{v1},{v2}", "{v2},{v1}", " {v1} , {v2} "])
def test_after_a_change_of_keys_the_new_one_seals_and_the_old_one_still_opens(
    settings: Settings, order: str
) -> None:
    v1, v2 = f"v1:{fresh_key()}", f"v2:{fresh_key()}"
    settings.ATTUNE_ENCRYPTION_KEYS = v1
    old = identity.new_wrapped_key(OWNER)
    waiting = identity.seal_for_system(b"event", place="inbox", owner="m1")

    settings.ATTUNE_ENCRYPTION_KEYS = order.format(v1=v1, v2=v2)
    new = identity.new_wrapped_key(OWNER)

    assert old.startswith(b"v1:")
    assert new.startswith(b"v2:")
    for wrapped in (old, new):
        key = identity.unwrap(wrapped, pseudonym=OWNER)
        sealed = identity.seal(b"x", key=key, place="a.b", owner=OWNER)
        assert identity.open_sealed(sealed, key=key, place="a.b", owner=OWNER) == b"x"
    assert identity.open_for_system(waiting, place="inbox", owner="m1") == b"event"
    assert identity.seal_for_system(b"", place="inbox", owner="m1").startswith(b"v2:")


def test_version_ten_is_newer_than_version_nine(settings: Settings) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = f"v10:{fresh_key()},v9:{fresh_key()}"

    assert identity.new_wrapped_key(OWNER).startswith(b"v10:")


def test_a_key_that_was_taken_away_too_early_is_named(settings: Settings) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = f"v1:{fresh_key()}"
    wrapped = identity.new_wrapped_key(OWNER)
    settings.ATTUNE_ENCRYPTION_KEYS = f"v2:{fresh_key()}"

    with pytest.raises(ImproperlyConfigured, match="lacks version v1"):
        identity.unwrap(wrapped, pseudonym=OWNER)


def test_another_key_under_the_same_version_opens_nothing(settings: Settings) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = f"v1:{fresh_key()}"
    wrapped = identity.new_wrapped_key(OWNER)
    settings.ATTUNE_ENCRYPTION_KEYS = f"v1:{fresh_key()}"

    with pytest.raises(identity.SealBroken):
        identity.unwrap(wrapped, pseudonym=OWNER)


SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"


@pytest.mark.parametrize(
    "keys",
    ["", "v1", "v1:", f"v1:{SECRET}", SECRET, f"v1:{SECRET}=,", "v0:" + "A" * 43 + "=",
     "v1:not base64!", "one:" + "A" * 43 + "=", "v1:{k},v1:{k}".format(k="A" * 43 + "=")],
)  # fmt: skip
def test_bad_encryption_keys_are_named_and_never_quoted(settings: Settings, keys: str) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured) as refused:
        identity.new_wrapped_key(OWNER)

    assert "ATTUNE_ENCRYPTION_KEYS" in str(refused.value)
    assert "openssl rand -base64 32" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert identity.key_problems() == [str(refused.value)]


@pytest.mark.parametrize("name", ["ATTUNE_BLIND_INDEX_KEY", "ATTUNE_SUPPRESSION_KEY"])
def test_bad_index_key_is_named(settings: Settings, name: str) -> None:
    setattr(settings, name, "too short")

    problems = identity.key_problems()

    assert len(problems) == 1
    assert name in problems[0]
    assert "too short" not in problems[0]
