"""One row of a file, and the fault of a file that cannot be read at all."""

from dataclasses import dataclass
from typing import Any


class UnreadableError(Exception):
    """A file that cannot be read, or not further: what, where, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is where it begins in its file; `fault` is set where it could not be read."""

    line: int
    values: dict[str, Any]
    fault: str = ""
