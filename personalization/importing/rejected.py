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
        self.count += 1
        if self.path:
            if self._writer is None:
                self._writer = self._open(self.path)
            self._writer.writerow((line, fault.column, fault.reason))
        if self._progress:
            self._progress.reject(reason=fault.reason, line=line, column=fault.column)

    def _open(self, path: Path) -> "Writer":
        file = self._files.enter_context(path.open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file)
        writer.writerow(("line", "column", "reason"))
        return writer


def path_for(file: Path) -> Path:
    return file.with_name(f"{file.name}.rejected.csv")
