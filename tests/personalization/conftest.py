"""Fixtures of the tests of personalization."""

from collections.abc import Iterator

import pytest

from personalization.serving import ready


@pytest.fixture
def served_afresh() -> Iterator[None]:
    """Let no slot of another test be served."""
    ready.forget()
    yield
    ready.forget()
