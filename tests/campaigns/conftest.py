"""Fixtures of the campaign tests: a catcher in a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.delivery_support import RunningCatcher, running_catcher


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[RunningCatcher]:
    with running_catcher(tmp_path / "mailbox") as running:
        yield running
