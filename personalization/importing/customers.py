"""Load customers from a file: who they are, their sealed and typed values, what they allowed."""

from collections.abc import Iterable
from datetime import datetime

from consent.jobs import Progress
from personalization.importing import customer_rows, customer_store
from personalization.importing.customer_rows import Columns, Customer
from personalization.importing.customer_store import Outcome
from personalization.importing.outcome import Loaded, batches
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Source

BATCH_ROWS = 2000
# A row needs one of these; a file that has none of them is another file.
REQUIRED = customer_rows.IDENTIFIERS


def load(
    rows: Iterable[Row],
    *,
    source: Source,
    now: datetime,
    progress: Progress,
    rejected: RejectedRows,
    import_id: int | None = None,
) -> Loaded:
    """Upsert by external id or address; an empty cell leaves what is stored."""
    batch_of = _Batches(
        source=source, now=now, rejected=rejected, job_id=progress.job.pk, import_id=import_id
    )
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        outcome += batch_of.load(batch)
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
    """Read every row and write nothing; conflicts with known people are not judged."""
    batch_of = _Batches(source=source, now=now, rejected=rejected, job_id=progress.job.pk)
    outcome = Loaded()
    for batch in batches(rows, size=BATCH_ROWS):
        good = len(batch_of.read(batch))
        outcome += Loaded(
            loaded=good, rejected=len(batch) - good, left_out=batch_of.left_out(batch)
        )
        progress.advance(len(batch))
    return outcome


class _Batches:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        *,
        source: Source,
        now: datetime,
        rejected: RejectedRows,
        job_id: int,
        import_id: int | None = None,
    ) -> None:
        self.source = source
        self.now = now
        self.rejected = rejected
        self.import_id = import_id
        self.evidence: dict[str, object] = {"job": job_id}
        if import_id is not None:
            self.evidence["import"] = import_id
        self.columns: Columns = customer_rows.catalogue()

    def left_out(self, batch: list[Row]) -> frozenset[str]:
        names = {name for row in batch for name in row.values}
        return frozenset(name for name in names if name and not self.columns.knows(name))

    def read(self, batch: list[Row]) -> list[Customer]:
        found = []
        for row in batch:
            try:
                found.append(
                    customer_rows.read(
                        row,
                        columns=self.columns,
                        default_source=f"import:{self.source.slug}",
                        now=self.now,
                    )
                )
            except CellError as fault:
                self.rejected.add(fault, line=row.line)
        return found

    def load(self, batch: list[Row]) -> Loaded:
        before = self.rejected.count
        customers = self.read(batch)
        result = customer_store.save(
            customers,
            columns=self.columns,
            source=self.source,
            now=self.now,
            evidence=self.evidence,
            import_id=self.import_id,
            is_bulk=True,
        )
        loaded = refused_values = 0
        for customer, saved in zip(customers, result.saved, strict=True):
            is_rejected = saved.outcome == Outcome.REJECTED
            report = self.rejected.add if is_rejected else self.rejected.note
            for fault in saved.faults:
                report(fault, line=customer.line)
            loaded += saved.outcome in (Outcome.CREATED, Outcome.UPDATED)
            refused_values += 0 if is_rejected else len(saved.faults)
        rejected = self.rejected.count - before
        return Loaded(
            loaded=loaded,
            unchanged=len(batch) - rejected - loaded,
            rejected=rejected,
            consents=result.consents,
            refused_values=refused_values,
            left_out=self.left_out(batch),
        )
