"""Parquet, a batch of rows at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyarrow import ArrowException
from pyarrow.parquet import ParquetFile

from personalization.importing.rows import Row, UnreadableError

BATCH_ROWS = 2000


def columns(path: Path) -> list[str]:
    with _opened(path) as file:
        return list(file.schema_arrow.names)


def count(path: Path) -> int:
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read(path: Path) -> Iterator[Row]:
    """Yield the rows; `line` counts them from 1, as the format has no lines."""
    line = 0
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            for values in batch.to_pylist():
                line += 1
                yield Row(line=line, values=values)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with ParquetFile(path) as file:
            yield file
    except ArrowException as error:
        raise UnreadableError(f"{path} is not a whole Parquet file: write it again") from error
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error
