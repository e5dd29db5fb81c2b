"""A state folder of its own for each test of the embedded servers, and users of them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import control
from config.embedded.layout import Layout
from tests.config.users import User

StartUser = Callable[..., User]


@pytest.fixture
def var() -> Iterator[Path]:
    """Return a place for state that any account may pass, with a path of usual length."""
    # Not tmp_path: its parents are closed to other accounts, which is a case of its own below.
    parent = Path(tempfile.mkdtemp(prefix="attune-test-", dir="/var/tmp")).resolve()
    if os.geteuid() == 0:
        parent.chmod(0o755)
    yield parent / "var"
    shutil.rmtree(parent)


@pytest.fixture
def start_user(var: Path) -> Iterator[StartUser]:
    """Start a process that uses the servers; all are killed and all is removed at the end."""
    users: list[User] = []

    def start(folder: Path = var, **options: str) -> User:
        users.append(User(folder, **options))
        return users[-1]

    yield start
    for user in users:
        user.kill()
    for layout in {user.layout for user in users}:
        control.stop(layout)
        control.clean(layout)


@pytest.fixture
def layout(var: Path) -> Layout:
    return Layout(var.resolve())
