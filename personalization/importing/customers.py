"""Load customers: who they are, their sealed and their typed values, what they allowed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from consent import identify, identity, ledger
from consent.jobs import Progress
from personalization.importing import customer_rows
from personalization.importing.customer_rows import Columns, Customer
from personalization.importing.outcome import Loaded, batches
from personalization.importing.rejected import RejectedRows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Source

BATCH_ROWS = 2000
# A row needs one of these; a file that has none of them is another file.
REQUIRED = customer_rows.IDENTIFIERS
PLACE = "personalization_customerprofile.personal"


@dataclass(frozen=True, slots=True)
class _Stored:
    """A subject of the batch and what its profile holds now, opened."""

    pseudonym: UUID
    wrapped_key: bytes | None
    personal: bytes | None
    attributes: dict[str, Any] | None


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
        changed = _save_profiles(people, now=self.now)
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


def _save_profiles(people: list[tuple[int, Customer]], *, now: datetime) -> set[int]:
    """Write the profiles whose values differ, three queries a batch; return their ids."""
    stored = _stored({subject_id for subject_id, _ in people})
    wanted: dict[int, tuple[dict[str, str], dict[str, Any]]] = {}
    for subject_id, customer in people:
        personal, attributes = wanted.get(subject_id, ({}, {}))
        wanted[subject_id] = (
            {**personal, **customer.personal},
            {**attributes, **customer.attributes},
        )
    writes = []
    for subject_id, (personal, attributes) in sorted(wanted.items()):
        write = _difference(stored[subject_id], personal=personal, attributes=attributes)
        if write:
            writes.append((subject_id, *write))
    _write(writes, now=now)
    return {subject_id for subject_id, _, _ in writes}


def _difference(
    old: _Stored, *, personal: dict[str, str], attributes: dict[str, Any]
) -> tuple[bytes | None, bytes] | None:
    """Return the sealed and the plain column to write, or None where nothing changes."""
    if old.wrapped_key is None:
        return None  # Erased between two queries: nothing is kept of them any more.
    owner = str(old.pseudonym)
    key = identity.unwrap(old.wrapped_key, pseudonym=owner)
    known: dict[str, str] = {}
    if old.personal:
        known = orjson.loads(identity.open_sealed(old.personal, key=key, place=PLACE, owner=owner))
    all_personal, all_attributes = known | personal, (old.attributes or {}) | attributes
    if old.attributes is not None and all_personal == known and all_attributes == old.attributes:
        return None
    sealed = old.personal
    if all_personal != known:
        plain = orjson.dumps(all_personal)
        sealed = identity.seal(plain, key=key, place=PLACE, owner=owner)
    return sealed, orjson.dumps(all_attributes)


_STORED = """
SELECT subject.id, subject.pseudonym, subject.wrapped_key, profile.personal,
       profile.attributes::text
FROM consent_datasubject AS subject
LEFT JOIN personalization_customerprofile AS profile ON profile.subject_id = subject.id
WHERE subject.id = ANY(%s) ORDER BY subject.id FOR UPDATE OF subject
"""
_UPSERT = """
INSERT INTO personalization_customerprofile
    (subject_id, personal, attributes, traits, first_seen_at, last_seen_at)
SELECT subject_id, personal, convert_from(attributes, 'UTF8')::jsonb, '{}', %s, %s
FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS given (subject_id, personal, attributes)
ON CONFLICT (subject_id) DO UPDATE
SET personal = EXCLUDED.personal, attributes = EXCLUDED.attributes
"""


def _stored(subject_ids: set[int]) -> dict[int, _Stored]:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(subject_ids)])
        return {
            subject_id: _Stored(
                pseudonym=pseudonym,
                wrapped_key=wrapped_key,
                personal=personal,
                attributes=None if attributes is None else orjson.loads(attributes),
            )
            for subject_id, pseudonym, wrapped_key, personal, attributes in cursor.fetchall()
        }


def _write(writes: list[tuple[int, bytes | None, bytes]], *, now: datetime) -> None:
    if not writes:
        return
    ids, personal, attributes = (list(column) for column in zip(*writes, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [now, now, ids, personal, attributes])
