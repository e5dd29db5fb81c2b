"""Rows that could not be taken: a CSV file beside the import, and the job's error list."""

import csv
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from consent.jobs import Progress
from personalization.importing.values import CellError

if TYPE_CHECKING:
    from _csv import Writer


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class RejectedRows:
    """Counts and reports rejected rows; the file is made with the first one.

    Without a path (a stream that is no file) only the job's list is kept.
    """

    def __init__(self, path: Path | None = None, *, progress: Progress | None = None) -> None:
        self.path = path
        self.count = 0
        self._progress = progress
        self._files = ExitStack()
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        # What a former run rejected says nothing about this one.
        if self.path:
            self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()

    def add(self, fault: CellError, *, line: int) -> None:
        """Report a row that was not taken."""
        self.count += 1
        self.note(fault, line=line)

    def note(self, fault: CellError, *, line: int) -> None:
        """Report one value that was not kept; the rest of its row was."""
        if self.path:
            if self._writer is None:
                self._writer = self._open(self.path)
            self._writer.writerow((line, safe(fault.column), safe(fault.reason)))
        if self._progress:
            self._progress.reject(reason=fault.reason, line=line, column=fault.column)

    @property
    def written(self) -> Path | None:
        """The file, where anything was reported."""
        return self.path if self._writer else None

    def _open(self, path: Path) -> "Writer":
        file = self._files.enter_context(path.open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file)
        writer.writerow(("line", "column", "reason"))
        return writer


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def path_for(file: Path) -> Path:
    return file.with_name(f"{file.name}.rejected.csv")
