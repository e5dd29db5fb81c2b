"""CSV: the delimiter found from the header, a bad line reported and passed over."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from personalization.importing.rows import Row, UnreadableError

DELIMITERS = ",;\t|"
CELL_CHARACTERS = 1_000_000
_BOM = b"\xef\xbb\xbf"
# What Excel puts above the header, so that it finds its own delimiter again.
_SEPARATOR = re.compile(rb"sep=([,;\t|])\s*", re.IGNORECASE)


class Header(NamedTuple):
    """What the rows below it are to be read by; `lines` is how many it takes."""

    names: list[str]
    delimiter: str
    lines: int


def columns(file: BinaryIO, *, path: Path) -> list[str]:
    return _header(file, path=path).names


def read(file: BinaryIO, *, path: Path) -> Iterator[Row]:
    """Yield the rows below the header; empty cells and unnamed columns stay as they are."""
    header = _header(file, path=path)
    csv.field_size_limit(CELL_CHARACTERS)
    # Bytes that are no UTF-8 become lone surrogates, which no column takes: the row is reported.
    lines = (raw.decode("utf-8", "surrogateescape") for raw in file)
    reader = csv.reader(lines, delimiter=header.delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + header.lines
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line=line, values={}, fault=f"is not CSV: {error} (a quote left open?)")
            continue
        if cells is None:
            return
        if cells:
            yield _row(cells, header=header.names, line=line)


def _row(cells: list[str], *, header: list[str], line: int) -> Row:
    if len(cells) != len(header):
        fault = f"has {len(cells)} cells where the header has {len(header)}"
        return Row(line=line, values={}, fault=fault)
    values = dict(zip(header, cells, strict=True))
    values.pop("", None)
    return Row(line=line, values=values)


def _header(file: BinaryIO, *, path: Path) -> Header:
    raw = file.readline().removeprefix(_BOM)
    said = _SEPARATOR.fullmatch(raw)
    try:
        line = (file.readline() if said else raw).decode()
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} has a header that is not UTF-8: save it as UTF-8") from None
    if not line.strip():
        raise UnreadableError(f"{path} is empty or has no header: the first line names the columns")
    marks = said[1].decode() if said else DELIMITERS
    splits = {mark: next(csv.reader([line], delimiter=mark)) for mark in marks}
    delimiter = max(marks, key=lambda mark: len(splits[mark]))
    names = [name.strip() for name in splits[delimiter]]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UnreadableError(f"{path} names the column {twice[0]!r} twice: rename one of them")
    return Header(names, delimiter, lines=2 if said else 1)
