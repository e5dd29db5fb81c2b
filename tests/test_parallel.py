"""Workers of the test run get database numbers of their own, however the address is written."""

import pytest

from tests.parallel import numbered


@pytest.mark.parametrize(
    ("given", "third"),
    [
        ("unix:///run/valkey.sock?db=0", "unix:///run/valkey.sock?db=3"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock?db=3"),
        ("unix:///run/valkey.sock?ssl=0&db=2", "unix:///run/valkey.sock?ssl=0&db=5"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/3"),
        ("redis://u:secret@cache:6379/1?timeout=2", "redis://u:secret@cache:6379/4?timeout=2"),
        ("rediss://cache/0", "rediss://cache/3"),
    ],
)
def test_the_number_of_the_database_is_raised(given: str, third: str) -> None:
    assert numbered(given, number=3) == third
