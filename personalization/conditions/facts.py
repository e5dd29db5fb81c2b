"""What is known about one person at evaluation time; absent is absent, never None-and-hope."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from personalization.conditions.fields import Catalogue


@dataclass(frozen=True, slots=True)
class ItemFact:
    """One line of an event; `product_id` is the shop's own id."""

    product_id: str | None
    category: str | None = None
    brand: str | None = None
    department: str | None = None
    quantity: int | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EventFact:
    name: str
    occurred_at: datetime
    amount: Decimal | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    items: tuple[ItemFact, ...] = ()
    is_machine: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """A loaded profile: field path to value, event name to its events in any order."""

    profile_id: int
    values: Mapping[str, object]
    events: Mapping[str, Sequence[EventFact]] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()


def visible(
    values: Mapping[str, object], *, catalogue: Catalogue, granted: Set[str]
) -> dict[str, object]:
    """Only the catalogued values whose purpose is granted; the rest are absent."""
    return {
        path: value
        for path, value in values.items()
        if (spec := catalogue.fields.get(path)) is not None
        and (spec.purpose is None or spec.purpose in granted)
    }


def visible_events(
    events: Mapping[str, Sequence[EventFact]], *, catalogue: Catalogue, granted: Set[str]
) -> dict[str, Sequence[EventFact]]:
    """Only the histories of catalogued events whose purpose is granted."""
    return {
        name: history
        for name, history in events.items()
        if (spec := catalogue.events.get(name)) is not None
        and (spec.purpose is None or spec.purpose in granted)
    }
