"""Public data sets that are not part of the project: tests on them run where the files are."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("ATTUNE_PUBLIC_DATA") or _BESIDE)


def file(name: str) -> Path:
    """Return the path of a file, or skip the test and say what is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not in {FOLDER} (ATTUNE_PUBLIC_DATA)")
    return path
