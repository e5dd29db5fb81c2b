"""Load the catalogue from a file: new products are made, known ones changed where a row differs."""

from collections.abc import Iterable
from datetime import datetime

from consent.jobs import Progress
from personalization.importing import product_rows, product_store
from personalization.importing.outcome import Loaded, batches
from personalization.importing.product_rows import ProductRow
from personalization.importing.product_store import Outcome
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Source

BATCH_ROWS = 2000
REQUIRED = ("product_id",)


def load(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
    import_id: int | None = None,
) -> Loaded:
    """Upsert by `product_id`, a few queries a batch; an empty cell leaves what is stored."""
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        outcome += _load_batch(batch, now=now, rejected=rejected, import_id=import_id)
        progress.advance(len(batch))
    return outcome


def check(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
) -> Loaded:
    """Read every row and write nothing; what needs the database (a new product) is not judged."""
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        good = len(_read_all(batch, rejected=rejected))
        outcome += Loaded(loaded=good, rejected=len(batch) - good)
        progress.advance(len(batch))
    return outcome


def _load_batch(
    batch: list[Row], *, now: datetime, rejected: RejectedRows, import_id: int | None
) -> Loaded:
    before = rejected.count
    read = _read_all(batch, rejected=rejected)
    results = product_store.save([row for _, row in read], now=now, import_id=import_id)
    changed = 0
    for (line, _), saved in zip(read, results, strict=True):
        if saved.outcome == Outcome.REJECTED:
            rejected.add(CellError(saved.column, saved.reason), line=line)
        changed += saved.outcome in (Outcome.CREATED, Outcome.UPDATED)
    refused = rejected.count - before
    return Loaded(loaded=changed, unchanged=len(batch) - refused - changed, rejected=refused)


def _read_all(batch: list[Row], *, rejected: RejectedRows) -> list[tuple[int, ProductRow]]:
    found = []
    for row in batch:
        try:
            found.append((row.line, _read(row)))
        except CellError as fault:
            rejected.add(fault, line=row.line)
    return found


def _read(row: Row) -> ProductRow:
    if row.fault:
        raise CellError("", row.fault)
    return product_rows.read(row.values)
