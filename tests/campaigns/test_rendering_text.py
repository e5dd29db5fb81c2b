"""The plain text part after cleaning."""

import re

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rendering.text import clean, has_long_line
from personalization.content.liquid import single_line


def test_blanks_empty_lines_and_controls_are_tidied() -> None:
    assert clean("\r\n\r\nHello \t\r\n\r\n\r\n\r\nyou\x00\x07\rthere  ") == "Hello\n\nyou\nthere\n"


def test_a_long_line_is_broken_at_a_blank() -> None:
    cleaned = clean("word " * 400)

    lines = cleaned.rstrip("\n").split("\n")
    assert max(len(line) for line in lines) <= 998
    assert " ".join(lines) == ("word " * 400).strip()


def test_a_long_line_without_blanks_is_cut_between_characters() -> None:
    cleaned = clean("é" * 1500)

    assert max(len(line.encode()) for line in cleaned.split("\n")) <= 998
    assert cleaned.replace("\n", "") == "é" * 1500


@given(st.text())
def test_no_cleaned_text_has_an_overlong_line(text: str) -> None:
    assert not has_long_line(clean(text * 40).encode("utf-8", "replace"))


@given(st.lists(st.integers(min_value=0, max_value=1200), max_size=12))
def test_leaping_finds_exactly_the_lines_over_the_limit(lengths: list[int]) -> None:
    data = b"\n".join(b"x" * length for length in lengths)

    assert has_long_line(data) == any(length > 998 for length in lengths)


PIECES = [
    "a",
    "é",
    "Zoë ",
    " ",
    "\t",
    "\u00a0",
    "\n",
    "\n\n",
    "\r",
    "\x00",
    "\x07",
    "\u2028",
    "\u202e",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_shortcuts_leave_nothing_to_tidy(text: str) -> None:
    cleaned = clean(text)

    plain = re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text.replace("\r\n", "\n").replace("\r", "\n")
    )
    lines = [line.rstrip() for line in plain.split("\n")]
    assert cleaned == re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_a_single_line_is_the_same_by_the_short_way(text: str) -> None:
    blanks = r"[\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"

    assert single_line(text) == re.sub(blanks, " ", text).strip()
