"""Keep uploaded files until they are loaded: unguessable names, closed to other accounts."""

import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings

from personalization.importing import readers, rejected
from personalization.importing.rows import UnreadableError

# What nobody loads in this time is somebody's forgotten customer list.
KEPT = timedelta(hours=24)
# Lines, columns and reasons, no values: useful for longer.
REJECTED_KEPT = timedelta(days=30)
_MEGABYTE = 1_000_000
_CHUNK = 1 << 20
# A zip may unpack to this many times the limit, no further.
_UNPACKED_TIMES = 10
_NAME = re.compile(r"[0-9a-f]{32}(\.[a-z]{3,7}){1,2}")


@dataclass(frozen=True, slots=True)
class Stored:
    stored_as: str
    size: int


def limit_bytes() -> int:
    limit: int = settings.ATTUNE_IMPORT_LIMIT_MB
    return limit * _MEGABYTE


def folder() -> Path:
    found: Path = settings.ATTUNE_VAR / "imports"
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def path(stored_as: str) -> Path:
    """Return where a file lies; a name that is not ours leads nowhere."""
    if not _NAME.fullmatch(stored_as):
        raise UnreadableError("The file is gone: it was loaded or thrown away. Upload it again")
    return folder() / stored_as


def store(chunks: Iterable[bytes], *, name: str) -> Stored:
    """Write an upload under a random name; the only file of a zip is taken out of it.

    UnreadableError says what is wrong with the file and how to mend it.
    """
    raw = folder() / f"{secrets.token_hex(16)}.new"
    try:
        size = _write(chunks, to=raw, limit=limit_bytes(), name=name)
        if zipfile.is_zipfile(raw):
            name = _unzip(raw, name=name)
        return _adopt(raw, name=name, size=size)
    finally:
        raw.unlink(missing_ok=True)


def remove(stored_as: str, *, keep_rejected: bool = False) -> None:
    """Throw an upload away; the list of its rejected rows may stay a while."""
    if not stored_as:
        return
    file = path(stored_as)
    file.unlink(missing_ok=True)
    if not keep_rejected:
        rejected.path_for(file).unlink(missing_ok=True)


def sweep(*, now: datetime) -> int:
    """Throw away what was forgotten; say how many files."""
    old = [file for file in folder().iterdir() if file.is_file() and _is_over(file, now=now)]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)


def _write(chunks: Iterable[bytes], *, to: Path, limit: int, name: str) -> int:
    size = 0
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise UnreadableError(
                    f"{name} is larger than {limit // _MEGABYTE:,} MB: load it with the import "
                    "command, or in parts"
                )
            file.write(chunk)
    if not size:
        raise UnreadableError(f"{name} is empty: choose another file")
    return size


def _unzip(raw: Path, *, name: str) -> str:
    """Replace a zip by the one file it holds; return that file's name."""
    try:
        with zipfile.ZipFile(raw) as packed:
            members = [each for each in packed.infolist() if not each.is_dir()]
            ours = [each for each in members if not each.filename.startswith("__MACOSX/")]
            if len(ours) != 1:
                raise UnreadableError(
                    f"{name} is a zip of {len(ours)} files (an Excel file is one, too): upload one "
                    "CSV, JSON lines or Parquet file"
                )
            unpacked = raw.with_suffix(".unpacked")
            with packed.open(ours[0]) as inside:
                limit = limit_bytes() * _UNPACKED_TIMES
                _write(_chunks(inside), to=unpacked, limit=limit, name=name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableError(f"{name} is a damaged or locked zip: pack it again") from error
    finally:
        spoiled = raw.with_suffix(".unpacked")
        if spoiled.exists():
            shutil.move(spoiled, raw)
    return Path(ours[0].filename).name


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _adopt(raw: Path, *, name: str, size: int) -> Stored:
    """Give a file the ending that says its format: by its name, else by its first bytes."""
    ending = readers.ending(Path(name)) or _guessed(raw)
    stored_as = f"{secrets.token_hex(16)}{ending}"
    raw.rename(folder() / stored_as)
    return Stored(stored_as=stored_as, size=size)


def _guessed(raw: Path) -> str:
    with raw.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return ".parquet"
    return ".jsonl" if start.startswith(b"{") else ".csv"


def _is_over(file: Path, *, now: datetime) -> bool:
    kept = REJECTED_KEPT if file.name.endswith(".rejected.csv") else KEPT
    return now - datetime.fromtimestamp(file.stat().st_mtime, tz=UTC) > kept
