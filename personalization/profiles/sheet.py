"""Everything about one customer that a page shows, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from consent import gate
from consent.permission import Permission
from consent.standing import Standing, by_purpose
from personalization.models import (
    CustomerProfile,
    Event,
    EventItem,
    Field,
    Product,
    Receipt,
    SegmentMembership,
)

EVENTS = 50
RECEIPTS = 20
MARKETING = "email_marketing"


@dataclass(frozen=True, slots=True)
class Value:
    label: str
    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A product in an event; one that left the catalogue keeps its number."""

    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Moment:
    event: Event
    lines: tuple[Line, ...]

    @property
    def shown(self) -> tuple[Line, ...]:
        return self.lines[:3]

    @property
    def more(self) -> int:
        return max(0, len(self.lines) - 3)


@dataclass(frozen=True, slots=True)
class Sheet:
    permission: Permission
    standings: Sequence[Standing]
    attributes: Sequence[Value]
    traits: Sequence[Value]
    memberships: Sequence[SegmentMembership]
    moments: Sequence[Moment]
    receipts: Sequence[Receipt]


def of(profile: CustomerProfile, *, now: datetime) -> Sheet:
    fields = {field.path: field for field in Field.objects.all()}
    return Sheet(
        permission=gate.ask(profile.subject, purpose=MARKETING, at=now),
        standings=by_purpose(profile.subject, at=now),
        attributes=_values("attributes", profile.attributes, fields=fields),
        traits=_values("traits", profile.traits, fields=fields),
        memberships=list(
            SegmentMembership.objects.filter(profile=profile)
            .select_related("segment")
            .order_by("segment__name")
        ),
        moments=_moments(profile.pk),
        receipts=list(
            Receipt.objects.filter(subject=profile.pk).defer("inputs").order_by("-id")[:RECEIPTS]
        ),
    )


def shown(value: object) -> str:
    """Write a stored value as one reads it: money to the cent, lists with commas."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() | Decimal():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _values(kind: str, values: Mapping[str, Any], *, fields: Mapping[str, Field]) -> list[Value]:
    found = []
    for name, value in values.items():
        field = fields.get(f"{kind}.{name}")
        label = field.label if field else name.replace("_", " ")
        # The amounts of several shops share a trait; their currency is not known here.
        unit = field.unit if field and field.unit != "currency" else ""
        found.append(Value(label=label, text=shown(value), unit=unit))
    return sorted(found, key=lambda value: value.label.lower())


def _moments(profile_id: int) -> list[Moment]:
    events = list(
        Event.objects.filter(profile_id=profile_id)
        .select_related("source")
        .order_by("-occurred_at", "-id")[:EVENTS]
    )
    lines = _lines([event.pk for event in events])
    return [Moment(event=event, lines=tuple(lines[event.pk])) for event in events]


def _lines(event_ids: list[int]) -> dict[int, list[Line]]:
    items = list(EventItem.objects.filter(event_id__in=event_ids).order_by("event_id", "line"))
    names = dict(
        Product.objects.filter(pk__in={item.product_id for item in items}).values_list("pk", "name")
    )
    found: dict[int, list[Line]] = defaultdict(list)
    for item in items:
        name = names.get(item.product_id, f"product {item.product_id}")
        found[item.event_id].append(Line(name=name, quantity=item.quantity))
    return found
