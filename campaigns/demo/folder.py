"""Your own files as the demo's data: customers.*, products.*, events.*, moved to the present."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaigns.demo.load import Step, remember, run_step, shift_of
from consent import jobs
from personalization.importing import customers, events, products, readers
from personalization.importing.outcome import Loaded
from personalization.importing.rows import Row, UnreadableError

WEEK = timedelta(weeks=1)
# Later ones could not be moved; the import reports them.
LAST_YEAR = 5000
STEMS = {"products": products.load, "customers": customers.load, "events": events.load}
TIMES = ("timestamp", "consent_at")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's files; `dataset` names the installation it makes."""

    path: Path
    files: dict[str, Path]

    @property
    def dataset(self) -> str:
        return f"folder-{self.path.resolve().name}"[:60]


def open_folder(path: Path) -> Folder:
    """Find the three files, or say which one is missing."""
    files = {stem: readers.find(path, stem=stem) for stem in STEMS}
    missing = [stem for stem, file in files.items() if file is None]
    if missing:
        raise UnreadableError(
            f"{path} has no {missing[0]} file: put {missing[0]}.csv, .jsonl or .parquet there "
            "(docs/quick-start.md describes the columns)"
        )
    return Folder(path=path, files={stem: file for stem, file in files.items() if file})


def load(folder: Folder, *, now: datetime, show: jobs.Show | None) -> tuple[dict[str, Loaded], int]:
    """Load the files like any import, times moved by whole weeks; return outcomes and the shift."""
    known = shift_of(folder.dataset)
    weeks = known if known is not None else _weeks(folder.files["events"], now=now)
    outcomes = {
        stem: run_step(
            Step(
                name=stem,
                load=loader,
                rows=_moved(readers.read(folder.files[stem]), by=weeks * WEEK),
                source=folder.dataset,
                total=readers.expected(folder.files[stem]),
            ),
            now=now,
            show=show,
        )
        for stem, loader in STEMS.items()
    }
    label = f"own data: {folder.path.resolve().name}"
    remember(folder.dataset, label=label, shift_weeks=weeks, now=now)
    return outcomes, weeks


def _weeks(file: Path, *, now: datetime) -> int:
    """Return how many whole weeks bring the last event close to now, without passing it.

    A time in the future is a mistake of one row: it must not move all the others.
    """
    times = (_time(row.values.get("timestamp")) for row in readers.read(file))
    last = max((time for time in times if time is not None and time <= now), default=now)
    return int((now - last) // WEEK)


def _moved(rows: Iterator[Row], *, by: timedelta) -> Iterator[Row]:
    """Move the times of each row; a time that cannot be read is left for the import to report."""
    for row in rows:
        for column in TIMES:
            time = _time(row.values.get(column))
            if time is not None:
                row.values[column] = (time + by).isoformat()
        yield row


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return value if isinstance(value, datetime) and value.tzinfo else None
    try:
        time = datetime.fromisoformat(value)
        # No calendar has a year after 9999, and none of ours begins with the year 1.
        return time.astimezone(UTC) if time.tzinfo and 1 < time.year < LAST_YEAR else None
    except ValueError:
        return None
