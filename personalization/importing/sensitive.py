"""Sensitive fields (Art. 9): a value is kept only with a proven explicit consent, and sealed."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Q

from consent.models import ConsentState
from personalization.importing.values import CellError

Granted = frozenset[tuple[int, str]]


def granted(subject_ids: Collection[int], *, purposes: Collection[str], now: datetime) -> Granted:
    """Return who agreed to which of these purposes (one query, none without purposes).

    Asked after the ledger heard the row's own statements: an objection of the person outranks
    what the row says.
    """
    if not purposes:
        return frozenset()
    states = ConsentState.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        subject__in=subject_ids,
        purpose__in=purposes,
        is_granted=True,
    )
    return frozenset(states.values_list("subject_id", "purpose_id"))


def sorted_out(
    given: Mapping[str, str], *, subject_id: int, purposes: Mapping[str, str], granted: Granted
) -> tuple[dict[str, str], list[CellError]]:
    """Return the values that may be kept, and why the others may not; no value is quoted."""
    kept = {}
    refused = []
    for column, value in given.items():
        purpose = purposes[column]
        if (subject_id, purpose) in granted:
            kept[column] = value
        else:
            refused.append(
                CellError(
                    column,
                    "is not kept, the rest of the row is: it is sensitive and needs an explicit "
                    f"consent; add consent_{purpose}, consent_source and consent_at",
                )
            )
    return kept, refused
