"""Tokens in mail links: short, unforgeable, for one purpose."""

import binascii
import hmac
import string
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.tracking.tokens import Token, TokenKind, read, sign

KEY = b"k" * 32
KINDS: tuple[TokenKind, ...] = ("open", "click", "unsubscribe")
ALPHABET = string.ascii_letters + string.digits + "-_"

SEND_IDS = st.integers(min_value=0, max_value=2**63 - 1)
LINK_IDS = st.integers(min_value=0, max_value=2**63 - 1)


@given(kind=st.sampled_from(KINDS), send_id=SEND_IDS, link_id=LINK_IDS)
def test_a_token_says_what_was_signed(kind: TokenKind, send_id: int, link_id: int) -> None:
    token = sign(kind, send_id, link_id, key=KEY)

    assert read(token, kind=kind, key=KEY) == Token(kind=kind, send_id=send_id, link_id=link_id)
    assert len(token) == 40
    assert set(token) <= set(ALPHABET)


@given(key=st.binary(max_size=200), kind=st.sampled_from(KINDS), send_id=SEND_IDS)
def test_a_token_is_signed_by_hmac_with_sha256(key: bytes, kind: TokenKind, send_id: int) -> None:
    data = binascii.a2b_base64(sign(kind, send_id, 9, key=key).replace("-", "+").replace("_", "/"))

    signature = hmac.digest(key, f"attune:{kind}:".encode() + data[:16], "sha256")
    assert data[16:] == signature[:14]


@pytest.mark.parametrize(("signed", "wanted"), list(permutations(KINDS, 2)))
def test_a_token_is_refused_for_another_purpose(signed: TokenKind, wanted: TokenKind) -> None:
    assert read(sign(signed, 7, key=KEY), kind=wanted, key=KEY) is None


def test_another_key_reads_nothing() -> None:
    assert read(sign("open", 7, key=KEY), kind="open", key=b"x" * 32) is None


def test_send_zero_is_a_link_without_a_person() -> None:
    token = read(sign("click", 0, 9, key=KEY), kind="click", key=KEY)

    assert token == Token(kind="click", send_id=0, link_id=9)


def test_no_changed_letter_is_accepted() -> None:
    token = sign("unsubscribe", 123_456, 7, key=KEY)

    for place in range(len(token)):
        for letter in ALPHABET.replace(token[place], ""):
            changed = token[:place] + letter + token[place + 1 :]
            assert read(changed, kind="unsubscribe", key=KEY) is None


@pytest.mark.parametrize("extra", ["=", "\n", " ", "A", "é", "\x00", "%20"])
def test_a_token_has_one_spelling_only(extra: str) -> None:
    token = sign("open", 7, key=KEY)

    for changed in (
        token + extra,
        extra + token,
        token[:-1] + extra,
        token[:9] + extra + token[9:],
    ):
        assert read(changed, kind="open", key=KEY) is None


def test_the_standard_base64_spelling_is_refused() -> None:
    tokens = (sign("open", send_id, key=KEY) for send_id in range(200))
    special = next(token for token in tokens if "-" in token or "_" in token)

    spelled = special.replace("-", "+").replace("_", "/")

    assert read(spelled, kind="open", key=KEY) is None


@given(st.text(max_size=64))
def test_any_other_text_is_refused_without_an_error(text: str) -> None:
    assert read(text, kind="click", key=KEY) is None
