"""CSV: the delimiter found from the header, a bad line reported and passed over."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from personalization.importing.rows import Row, UnreadableError

DELIMITERS = ",;\t|"
CELL_CHARACTERS = 1_000_000
_BOM = b"\xef\xbb\xbf"


def columns(file: BinaryIO, *, path: Path) -> list[str]:
    return _header(file.readline(), path=path)[1]


def read(file: BinaryIO, *, path: Path) -> Iterator[Row]:
    """Yield the rows below the header; empty cells and unnamed columns stay as they are."""
    delimiter, header = _header(file.readline(), path=path)
    csv.field_size_limit(CELL_CHARACTERS)
    # Bytes that are no UTF-8 become lone surrogates, which no column takes: the row is reported.
    lines = (raw.decode("utf-8", "surrogateescape") for raw in file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line=line, values={}, fault=f"is not CSV: {error} (a quote left open?)")
            continue
        if cells is None:
            return
        if cells:
            yield _row(cells, header=header, line=line)


def _row(cells: list[str], *, header: list[str], line: int) -> Row:
    if len(cells) != len(header):
        fault = f"has {len(cells)} cells where the header has {len(header)}"
        return Row(line=line, values={}, fault=fault)
    values = dict(zip(header, cells, strict=True))
    values.pop("", None)
    return Row(line=line, values=values)


def _header(raw: bytes, *, path: Path) -> tuple[str, list[str]]:
    try:
        line = raw.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} has a header that is not UTF-8: save it as UTF-8") from None
    if not line.strip():
        raise UnreadableError(f"{path} is empty or has no header: the first line names the columns")
    splits = {mark: next(csv.reader([line], delimiter=mark)) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: len(splits[mark]))
    header = [name.strip() for name in splits[delimiter]]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise UnreadableError(f"{path} names the column {twice[0]!r} twice: rename one of them")
    return delimiter, header
