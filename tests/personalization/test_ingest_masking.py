"""Events without names, and what is left masked comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from personalization.ingest.masking import masked, restored

EVENT = {
    "type": "identify",
    "userId": "customer-7",
    "traits": {
        "email": "anna@example.com",
        "first_name": "Anna",
        "age": 41,
        "address": {"city": "Berlin"},
    },
    "properties": {
        "note": "call anna@example.com",
        "total": 12.5,
        "products": [{"name": "Boots", "price": 9}],
    },
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["email", "name", "total", "a"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_what_names_a_person_is_masked_and_what_is_sold_is_not() -> None:
    assert masked(EVENT) == {
        "type": "identify",
        "userId": "c***",
        "traits": {
            "email": "a***",
            "first_name": "A***",
            "age": "***",
            "address": {"city": "B***"},
        },
        "properties": {
            "note": "c***",
            "total": 12.5,
            "products": [{"name": "Boots", "price": 9}],
        },
    }


def test_what_was_left_masked_comes_back_and_what_was_written_stays() -> None:
    shown = masked(EVENT)
    assert isinstance(shown, dict)
    written = {**shown, "userId": "customer-8", "event": "Signed Up"}

    found = restored(written, shown=shown, real=EVENT)

    assert found == {**EVENT, "userId": "customer-8", "event": "Signed Up"}


def test_a_line_that_was_added_or_taken_away_leaves_the_others_as_they_were() -> None:
    real = {"list": ["a@b.example", "c@d.example"]}
    shown = masked(real)

    fewer = restored({"list": ["a***"]}, shown=shown, real=real)
    more = restored({"list": ["a***", "c***", "new"]}, shown=shown, real=real)

    assert fewer == {"list": ["a@b.example"]}
    assert more == {"list": ["a@b.example", "c@d.example", "new"]}


@given(VALUES)
def test_what_nobody_touched_is_as_it_came(value: object) -> None:
    shown = masked(value)

    assert restored(shown, shown=shown, real=value) == value


@given(st.text(min_size=2))
def test_no_more_than_one_letter_of_a_name_is_seen(name: str) -> None:
    assert masked({"Last Name": name}) == {"Last Name": f"{name[0]}***"}
