"""Where a person stands: each purpose with its state and everything the ledger says about it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from consent.models import ConsentRecord, ConsentState, DataSubject, Purpose


@dataclass(frozen=True, slots=True)
class Standing:
    """One purpose; `state` is None where the person never said anything about it."""

    purpose: Purpose
    state: ConsentState | None
    records: tuple[ConsentRecord, ...]
    is_granted: bool

    @property
    def needs_consent(self) -> bool:
        return self.purpose.basis == Purpose.Basis.CONSENT


def by_purpose(subject: DataSubject, *, at: datetime) -> list[Standing]:
    """Return every purpose of the installation, newest statement first (three queries).

    What rows said that were merged into this one counts, and is shown.
    """
    states = {state.purpose_id: state for state in ConsentState.objects.filter(subject=subject)}
    records: dict[str, list[ConsentRecord]] = defaultdict(list)
    said = ConsentRecord.objects.filter(Q(subject=subject) | Q(subject__merged_into=subject))
    for record in said.select_related("actor"):
        records[record.purpose_id].append(record)
    return [
        Standing(
            purpose=purpose,
            state=states.get(purpose.code),
            records=tuple(records[purpose.code]),
            is_granted=_holds(states.get(purpose.code), at=at),
        )
        for purpose in Purpose.objects.all()
    ]


def _holds(state: ConsentState | None, *, at: datetime) -> bool:
    if state is None or not state.is_granted:
        return False
    return state.expires_at is None or state.expires_at > at
