"""Write customers, whoever tells of them: who they are, what they said, what is known of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from consent import identify, ledger
from personalization.importing import bulk, customer_images, profile_store, sensitive
from personalization.importing.customer_images import Mark
from personalization.importing.customer_rows import Columns, Customer
from personalization.importing.profile_store import Change
from personalization.importing.values import CellError
from personalization.models import Source

_CONFLICT = "belongs to another customer than external_id: merge or mend one of them"
_People = list[tuple[int, Customer]]


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one customer; `faults` say why they, or single values, were not taken."""

    outcome: Outcome
    subject_id: int | None = None
    faults: tuple[CellError, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """In the order given; `consents` counts the statements new in the ledger."""

    saved: list[Saved]
    consents: int


@transaction.atomic
def save(
    customers: Sequence[Customer],
    *,
    columns: Columns,
    source: Source,
    now: datetime,
    evidence: Mapping[str, object],
    import_id: int | None = None,
    is_bulk: bool = False,
) -> Result:
    """Upsert by external id or address, a constant number of queries.

    Consent goes through the ledger as the source's word, never as the person's own choice, so it
    lifts neither an objection nor a suppression. `import_id` keeps what stood there before, so
    that the import can be undone.
    """
    if is_bulk:
        bulk.mark()
    mark = customer_images.mark()
    found = identify.resolve((each.names for each in customers), source=source.space)
    people = [
        (subject_id, customer)
        for subject_id, customer in zip(found.subject_ids, customers, strict=True)
        if subject_id is not None
    ]
    consents = ledger.record_many(list(_statements(people, evidence=evidence)))
    changes, refused = _changes(people, columns=columns, now=now)
    written = profile_store.write(changes, source=source.slug, now=now)
    gained = customer_images.gained({subject_id for subject_id, _ in people}, since=mark)
    if import_id is not None:
        speaking = {subject_id for subject_id, customer in people if customer.said}
        customer_images.keep(
            import_id, written=written, gained=gained, speaking=speaking, since=mark
        )
    changed = gained.keys() | {each.subject_id for each in written}
    return Result(
        saved=list(
            _told(customers, found.subject_ids, changed=changed, refused=refused, since=mark)
        ),
        consents=consents,
    )


def _statements(people: _People, *, evidence: Mapping[str, object]) -> Iterator[ledger.Statement]:
    for subject_id, customer in people:
        for said in customer.said:
            yield ledger.Statement(
                subject_id=subject_id,
                purpose=said.purpose,
                action=said.action,
                source=said.source,
                occurred_at=said.at,
                evidence={**evidence, "line": customer.line},
            )


def _changes(
    people: _People, *, columns: Columns, now: datetime
) -> tuple[list[Change], dict[int, tuple[CellError, ...]]]:
    """Return what to write, and by line which sensitive values are not."""
    asked = {subject_id for subject_id, customer in people if customer.sensitive}
    granted = sensitive.granted(asked, purposes={*columns.sensitive.values()}, now=now)
    changes = []
    refused: dict[int, tuple[CellError, ...]] = {}
    for subject_id, customer in people:
        kept, faults = sensitive.sorted_out(
            customer.sensitive, subject_id=subject_id, purposes=columns.sensitive, granted=granted
        )
        if faults:
            refused[customer.line] = tuple(faults)
        personal = {**customer.personal, **kept}
        changes.append(
            Change(subject_id=subject_id, personal=personal, attributes=customer.attributes)
        )
    return changes, refused


def _told(
    customers: Sequence[Customer],
    subject_ids: Sequence[int | None],
    *,
    changed: Collection[int],
    refused: Mapping[int, tuple[CellError, ...]],
    since: Mark,
) -> Iterator[Saved]:
    """Say of each what became of it; a person that two rows make is made by the first."""
    made = set()
    for customer, subject_id in zip(customers, subject_ids, strict=True):
        if subject_id is None:
            yield Saved(Outcome.REJECTED, faults=(CellError("email", _CONFLICT),))
            continue
        outcome = Outcome.UPDATED if subject_id in changed else Outcome.UNCHANGED
        if subject_id > since.subject and subject_id not in made:
            outcome = Outcome.CREATED
            made.add(subject_id)
        yield Saved(outcome, subject_id=subject_id, faults=refused.get(customer.line, ()))
