"""Open a CSV, JSON lines or Parquet file as a stream of rows, in constant memory."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from personalization.importing import delimited, parquet
from personalization.importing.rows import Row, UnreadableError

LINE_BYTES = 10_000_000
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
}


def find(folder: Path, *, stem: str) -> Path | None:
    """Return the file `stem.*` of a folder in a format we read; two of them are a fault."""
    if not folder.is_dir():
        raise UnreadableError(f"{folder} is not a folder: name the folder that holds {stem}.csv")
    found = [path for path in sorted(folder.glob(f"{stem}.*")) if _is_ours(path, stem=stem)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UnreadableError(f"{folder} holds {names}: keep the one that is to be loaded")
    return found[0] if found else None


def columns(path: Path) -> list[str] | None:
    """Return the columns that every row of a file has; JSON lines promise none."""
    kind = _kind(path)
    if kind == "parquet":
        return parquet.columns(path)
    with _binary(path) as file:
        return delimited.columns(file, path=path) if kind == "csv" else None


def sample(path: Path, *, count: int) -> list[Row]:
    """Return the first rows that can be read."""
    return list(islice((row for row in read(path) if not row.fault), count))


def expected(path: Path) -> int:
    """Return about how many rows a file has, to show progress; one quick pass for text files."""
    kind = _kind(path)
    if kind == "parquet":
        return parquet.count(path)
    with _binary(path) as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(partial(file.read, 1 << 20), b""))
    return max(lines - (kind == "csv"), 0)


def read(path: Path, *, mapping: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the rows of a file; `mapping` gives columns of the file the names we know.

    A column that is mapped to nothing ("") is left out.

    A row that cannot be read carries its fault; a file that cannot is an UnreadableError, which may
    come late (a truncated gzip), after good rows.
    """
    kind = _kind(path)
    if kind == "parquet":
        yield from _renamed(parquet.read(path), mapping=mapping)
        return
    with _binary(path) as file:
        rows = delimited.read(file, path=path) if kind == "csv" else _json_lines(file, path=path)
        yield from _renamed(rows, mapping=mapping)


def _is_ours(path: Path, *, stem: str) -> bool:
    suffixes = path.name.removeprefix(stem).removesuffix(".gz")
    return suffixes in _KINDS and path.is_file()


def ending(path: Path) -> str:
    """Return the ending by which a file's format is told, empty for one we do not know."""
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = bare.suffix.lower()
    return suffix if suffix in _KINDS else ""


def _kind(path: Path) -> str:
    kind = _KINDS.get(ending(path))
    if kind is None:
        raise UnreadableError(
            f"{path} is of no format we read: name it .csv, .jsonl or .parquet "
            "(the first two may be gzipped)"
        )
    return kind


@contextmanager
def _binary(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked where its first bytes say gzip, whatever its name says."""
    try:
        with path.open("rb") as raw:
            start = raw.peek(2)[:2]
            if start in _UTF16:
                raise UnreadableError(f"{path} is UTF-16: save it as UTF-8")
            if start != _GZIP:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield cast(BinaryIO, unpacked)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(
            f"{path} is a damaged or cut-off gzip file: fetch it again (rows read so far stay)"
        ) from error
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error


def _json_lines(file: BinaryIO, *, path: Path) -> Iterator[Row]:
    for line, raw in enumerate(iter(partial(file.readline, LINE_BYTES), b""), start=1):
        if line == 1 and raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise UnreadableError(f"{path} holds one JSON array: write one object a line")
        if len(raw) == LINE_BYTES:
            raise UnreadableError(
                f"{path} line {line} is over {LINE_BYTES} bytes: one object a line?"
            )
        if raw.strip():
            yield _json_row(raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw, line=line)


def _json_row(raw: bytes, *, line: int) -> Row:
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # The message of the parser names a position, never the text.
        return Row(line=line, values={}, fault=f"is not JSON: {error.msg} at column {error.colno}")
    if not isinstance(values, dict):
        return Row(line=line, values={}, fault="is not a JSON object")
    return Row(line=line, values=values)


def _renamed(rows: Iterator[Row], *, mapping: Mapping[str, str] | None) -> Iterator[Row]:
    if not mapping:
        yield from rows
        return
    for row in rows:
        named = {mapping.get(name, name): value for name, value in row.values.items()}
        named.pop("", None)
        yield Row(line=row.line, values=named, fault=row.fault)
