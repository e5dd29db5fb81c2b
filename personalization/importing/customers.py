"""Load customers: who they are, their sealed and their typed values, what they allowed."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from consent import identify, ledger
from consent.jobs import Progress
from personalization.importing import customer_rows, profile_store
from personalization.importing.customer_rows import Columns, Customer
from personalization.importing.outcome import Loaded, batches
from personalization.importing.profile_store import Change
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
) -> Loaded:
    """Upsert by external id or address; an empty cell leaves what is stored.

    Consent goes through the ledger as the file's word, never as the person's own choice, so it
    lifts neither an objection nor a suppression.
    """
    batch_of = _Batches(source=source, now=now, rejected=rejected, job_id=progress.job.pk)
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
        self, *, source: Source, now: datetime, rejected: RejectedRows, job_id: int
    ) -> None:
        self.source = source
        self.now = now
        self.rejected = rejected
        self.job_id = job_id
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

    @transaction.atomic
    def load(self, batch: list[Row]) -> Loaded:
        before = self.rejected.count
        people = self._resolved(self.read(batch))
        changed = profile_store.save(
            [
                Change(
                    subject_id=subject_id,
                    personal=customer.personal,
                    attributes=customer.attributes,
                )
                for subject_id, customer in people
            ],
            source=self.source.slug,
            now=self.now,
        )
        consents = ledger.record_many(self._statements(people))
        refused = self.rejected.count - before
        loaded = sum(subject_id in changed for subject_id, _ in people)
        return Loaded(
            loaded=loaded,
            unchanged=len(batch) - refused - loaded,
            rejected=refused,
            consents=consents,
            left_out=self.left_out(batch),
        )

    def _resolved(self, customers: list[Customer]) -> list[tuple[int, Customer]]:
        found = identify.resolve(
            (customer.names for customer in customers), source=self.source.slug
        )
        people = []
        for subject_id, customer in zip(found.subject_ids, customers, strict=True):
            if subject_id is None:
                reason = "belongs to another customer than external_id: merge or mend one of them"
                self.rejected.add(CellError("email", reason), line=customer.line)
            else:
                people.append((subject_id, customer))
        return people

    def _statements(self, people: list[tuple[int, Customer]]) -> list[ledger.Statement]:
        return [
            ledger.Statement(
                subject_id=subject_id,
                purpose=said.purpose,
                action=said.action,
                source=said.source,
                occurred_at=said.at,
                evidence={"job": self.job_id, "line": customer.line},
            )
            for subject_id, customer in people
            for said in customer.said
        ]
