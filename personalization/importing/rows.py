"""One row of a file, and the fault of a file that cannot be read at all."""

from typing import Any, NamedTuple


class UnreadableError(Exception):
    """A file that cannot be read, or not further: what, where, and how to mend it."""


class Row(NamedTuple):
    """`line` is where it begins in its file; `fault` is set where it could not be read.

    A tuple, because a big file makes millions of them.
    """

    line: int
    values: dict[str, Any]
    fault: str = ""
