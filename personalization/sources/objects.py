"""Remember what a shop told last of each object, so that an older state changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consent import identity
from personalization.models import Source, SourceObject

CUSTOMER, PRODUCT, ITEM, ORDER, CART = "customer", "product", "item", "order", "cart"


@dataclass(frozen=True, slots=True)
class Known:
    """What was told last of an object; never, where `told_at` is None."""

    kind: str
    key: str
    told_at: datetime | None = None
    subject_id: int | None = None
    state: Mapping[str, Any] = field(default_factory=dict)

    def is_newer_than(self, at: datetime) -> bool:
        """Tell whether a state of that time comes too late; of the same time it may tell more."""
        return self.told_at is not None and self.told_at > at


def known(kind: str, id_: str, *, source: Source) -> Known:
    """Return what is remembered; whoever works on a source is alone with it, so nothing races."""
    key = fingerprint(kind, id_)
    row = SourceObject.objects.filter(source=source, kind=kind, key=key).first()
    if row is None:
        return Known(kind=kind, key=key)
    return Known(kind, key, told_at=row.told_at, subject_id=row.subject_id, state=row.state)


def remember(
    known: Known,
    /,
    *,
    source: Source,
    at: datetime,
    subject_id: int | None = None,
    state: Mapping[str, Any] | None = None,
) -> None:
    """Note what was told now; what is not given stays."""
    told_at = max(at, known.told_at) if known.told_at else at
    SourceObject.objects.update_or_create(
        source=source,
        kind=known.kind,
        key=known.key,
        defaults={
            "told_at": told_at,
            "subject_id": subject_id or known.subject_id,
            "state": dict(known.state if state is None else state),
        },
    )


def fingerprint(kind: str, id_: str) -> str:
    """Return a keyed hash: the number of a customer or a cart identifies somebody."""
    return identity.blind_index(f"source_object.{kind}", id_)
