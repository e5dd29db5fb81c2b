"""Masked, a value tells two people apart and says who neither is."""

import pytest

from consent.masking import mask, mask_email, mask_value


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("anna.b@shop.example", "a***@s***.example"),
        ("a@b.co.uk", "a***@b***.uk"),
        ("anna@intranet", "a***@i***"),
        ("anna", "a***"),
        ("", ""),
        ("@x.example", "***@x***.example"),
    ],
)
def test_an_address_shows_two_letters_and_its_ending(address: str, shown: str) -> None:
    assert mask_email(address) == shown


@pytest.mark.parametrize(("value", "shown"), [("Anna", "A***"), ("", ""), ("A", "A***")])
def test_a_value_shows_its_first_letter(value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("gold", "g***"), ("", ""), (None, ""), (0, "***"), (1250.5, "***"), (True, "***"),
        (["Boots"], "***"), ("1984-03-01", "***"),
    ],
)  # fmt: skip
def test_only_of_a_text_the_beginning_is_shown(value: object, shown: str) -> None:
    assert mask_value(value) == shown
