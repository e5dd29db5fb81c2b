"""What is written as an array is read as the same array, whatever stands in it."""

from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import arrays

pytestmark = pytest.mark.django_db

# PostgreSQL keeps no NUL, UTF-8 no half of a character.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("\",\\{}'% \n"), st.characters(exclude_categories=["Cs"], min_codepoint=1)
    )
)


def read_back(written: list[Any] | str, *, kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [written])
        found: list[object] = cursor.fetchone()[0]
    return found


@given(st.lists(TEXTS, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts(texts: list[str]) -> None:
    assert read_back(arrays.texts(texts), kind="text") == texts


@given(st.lists(st.integers(min_value=-(2**63), max_value=2**63 - 1), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers(numbers: list[int]) -> None:
    assert read_back(arrays.numbers(numbers), kind="bigint") == numbers
