"""`matches`: a safe subset of regular expressions that means one thing everywhere."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.conditions.automaton import Automaton
from personalization.conditions.pattern import PatternError, parse_pattern
from tests.effort import at_most

_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\.", "é", "[0-9b]"])
_REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}"])
_SIMPLE = st.lists(st.tuples(_ATOMS, _REPEATS).map("".join), min_size=1, max_size=4).map("".join)
_GROUPS = st.tuples(
    st.lists(st.lists(_ATOMS, min_size=1, max_size=2).map("".join), min_size=1, max_size=3),
    _REPEATS,
).map(lambda pair: f"({'|'.join(pair[0])}){pair[1]}")
_BODIES = st.lists(st.one_of(_SIMPLE, _GROUPS), min_size=1, max_size=3).map("".join)
_BOUNDS = st.sampled_from([("", ""), ("^", ""), ("", "$"), ("^", "$")])
PATTERNS = st.tuples(_BOUNDS, _BODIES).map(lambda pair: pair[0][0] + pair[1] + pair[0][1])
TEXTS = st.text(alphabet="ab1.é\n_", max_size=12)


@settings(max_examples=400, deadline=None)
@given(pattern=PATTERNS, text=TEXTS)
def test_automaton_finds_what_the_regular_expression_means(pattern: str, text: str) -> None:
    # `$` before a final newline and Unicode digits are where Python's own dialect differs.
    reference = re.compile(re.sub(r"\$$", r"\\Z", pattern), re.DOTALL | re.ASCII)

    found = Automaton(parse_pattern(pattern)).search(text)

    assert found == bool(reference.search(text))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(a)\\1", "not available"),
        ("(?=a)b", "look-around"),
        ("(?P<x>a)", "names"),
        ("(a+)+", "repeated group"),
        ("(a|b*)*", "repeated group"),
        ("a**", "in a row"),
        ("a*?", "in a row"),
        ("a{1,101}", "100"),
        ("a{3,2}", "smaller to a larger"),
        ("a{0}", "matches nothing"),
        ("a{x}", "starts a count"),
        ("((a{1,90}b{1,90}c{1,90}){1})d{1,90}", "repeat"),
        ("a{1,99}b{1,99}c{1,99}d{1,99}", "unfolds"),
        ("(a", "ends too early"),
        ("a)", "without its ("),
        ("[a", "ends too early"),
        ("[]", "empty"),
        ("[z-a]", "range"),
        ("a|", "empty"),
        ("^a|b$", "parentheses"),
        ("a^b", "cannot stand here"),
        ("^$", "is_set"),
        ("\\bword", "not available"),
        ("x" * 201, "1 to 200"),
        ("(" * 11 + "a" + ")" * 11, "ten deep"),
    ],
)
def test_pattern_outside_the_subset_is_refused_with_a_hint(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=re.escape(says)):
        parse_pattern(pattern)


def test_a_pattern_that_ruins_backtracking_stays_fast() -> None:
    search = Automaton(parse_pattern("a*a*a*a*a*a*a*a*b")).search

    # A backtracking engine needs years here.
    with at_most(4):
        assert not search("a" * 20_000)


def test_a_pattern_with_countless_states_stays_within_its_memory() -> None:
    search = Automaton(parse_pattern("a(a|b){90}c")).search
    text = "".join("ab"[(index * index) % 7 % 2] for index in range(30_000))

    assert not search(text)
    assert search(text + "a" + "b" * 90 + "c")
