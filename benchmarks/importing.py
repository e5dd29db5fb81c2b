"""Rows a second and memory of `import_events`, for a small and a big file of one-product events."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from benchmarks.report import Result, Table
from personalization.importing import product_rows, product_store

ROWS = {"short": (100_000, 400_000), "full": (100_000, 2_000_000)}
PEOPLE = 20_000
PRODUCTS = 500
SEED = 20_261_123
BEGIN = datetime(2026, 8, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Import:
    """One run of the command, pinned to one core; PostgreSQL works beside it."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Make everybody known by a first file, then import the small and the big one, then the big
    one again."""
    _fill_catalogue()
    small, big = ROWS[scale]
    count = people or PEOPLE
    with tempfile.TemporaryDirectory() as folder:
        _run(_file(Path(folder), rows=count, people=count, name="known"), rows=count)
        first = _run(_file(Path(folder), rows=small, people=count, name="small"), rows=small)
        large = _file(Path(folder), rows=big, people=count, name="big")
        second, again = _run(large, rows=big), _run(large, rows=big)
    runs = {"small file": first, "big file": second, "big file again, nothing new": again}
    rows = [
        (name, one.rows, one.seconds, one.rows / one.seconds, one.cpu_seconds, one.peak_bytes / 1e6)
        for name, one in runs.items()
    ]
    head = ("import_events", "rows", "seconds", "rows/s", "CPU s of the command", "peak MB")
    return Result(
        figures={"people": count, "seed": SEED, **{name: asdict(o) for name, o in runs.items()}},
        tables=[Table(head, rows)],
        notes=[_note(count, growth=second.peak_bytes / first.peak_bytes)],
    )


def _note(people: int, *, growth: float) -> str:
    return (
        f"JSON lines, one product an event, {people:,} known people. The command is pinned to one "
        "core, its start and the folding of carts included; PostgreSQL works beside it. Peak "
        f"memory of the big file over that of the small one: {growth:.2f}."
    )


def _fill_catalogue() -> None:
    rows = (
        {"product_id": f"P{number}", "name": f"Product {number}", "price": 10, "currency": "EUR"}
        for number in range(PRODUCTS)
    )
    product_store.save([product_rows.read(row) for row in rows], now=timezone.now())


def _file(folder: Path, *, rows: int, people: int, name: str) -> Path:
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(rows, people=people, name=name))
    return path


def _lines(rows: int, *, people: int, name: str) -> Iterator[str]:
    chance = random.Random(SEED)
    for number in range(rows):
        # The first file names everybody once.
        person = number if rows == people else chance.randrange(people)
        event = {
            "message_id": f"{name}-{number}",
            "event": "Product Viewed",
            "external_id": f"C{person}",
            "timestamp": (BEGIN + timedelta(seconds=number * 4)).isoformat(),
            "properties": {"product_id": f"P{chance.randrange(PRODUCTS)}", "price": 19.9},
        }
        yield json.dumps(event)


def _run(path: Path, *, rows: int) -> Import:
    core = min(os.sched_getaffinity(0))
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_events", str(path), "--json"],
        stdout=subprocess.DEVNULL,
    )
    os.sched_setaffinity(process.pid, {core})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"import_events ended with {process.returncode}")
    return Import(
        rows=rows,
        seconds=time.monotonic() - started,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * 1024,
    )
