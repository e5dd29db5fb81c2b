"""Everything about one customer that a page shows, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from consent import gate
from consent.models import AuditEntry
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
    Source,
)
from personalization.profiles import graph, holdings
from personalization.profiles.graph import Node
from personalization.profiles.holdings import Holdings
from personalization.traits import lineage

EVENTS = 50
RECEIPTS = 20
LOG_ENTRIES = 20
MARKETING = "email_marketing"


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it is shown; a sensitive one is hidden from who may not see personal data."""

    label: str
    text: str
    unit: str = ""
    # Where it comes from and since when; for a trait, how it was derived.
    source: str = ""
    at: datetime | None = None
    lineage: str = ""
    is_sensitive: bool = False
    is_hidden: bool = False
    # It came with a row that was merged into this person.
    is_merged: bool = False


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
    def place(self) -> str:
        """Say where it happened: the page, the screen."""
        page = self.event.context.get("page") or {}
        named = page.get("path") or self.event.properties.get("path") or page.get("title") or ""
        return str(named)[:80]

    @property
    def campaign(self) -> str:
        """Name the campaign that led there, as its link said."""
        given = self.event.context.get("campaign") or {}
        named = [str(given[key]) for key in ("source", "medium", "name") if given.get(key)]
        return " / ".join(named)[:80]

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
    nodes: Sequence[Node]
    attributes: Sequence[Value]
    traits: Sequence[Value]
    holdings: Holdings
    memberships: Sequence[SegmentMembership]
    moments: Sequence[Moment]
    receipts: Sequence[Receipt]

    @property
    def visitors(self) -> int:
        """How many browsers and apps were seen before they had a name."""
        return sum(node.merge is not None and node.is_visitor for node in self.nodes)


def of(profile: CustomerProfile, *, in_clear: bool, now: datetime) -> Sheet:
    reading = _reading(profile, in_clear=in_clear)
    nodes = graph.of(profile.pk, in_clear=in_clear)
    rows = [node.subject.pk for node in nodes]
    return Sheet(
        permission=gate.ask(profile.subject, purpose=MARKETING, at=now),
        standings=by_purpose(profile.subject, at=now),
        nodes=nodes,
        attributes=reading.values("attributes", profile.attributes),
        traits=reading.values("traits", profile.traits, lineage=lineage.of(profile, now=now)),
        holdings=holdings.of(profile.pk, now=now),
        memberships=list(
            SegmentMembership.objects.filter(profile=profile)
            .select_related("segment")
            .order_by("segment__name")
        ),
        moments=_moments(profile.pk),
        receipts=list(
            Receipt.objects.filter(subject__in=rows).defer("inputs").order_by("-id")[:RECEIPTS]
        ),
    )


def log(nodes: Sequence[Node]) -> list[AuditEntry]:
    """Return who looked at this person or decided something about them, newest first."""
    pseudonyms = [node.subject.pseudonym for node in nodes]
    entries = AuditEntry.objects.filter(pseudonym__in=pseudonyms).select_related("actor")
    return list(entries[:LOG_ENTRIES])


def attributes(profile: CustomerProfile, *, in_clear: bool) -> list[Value]:
    """Return given values with where they come from (two queries)."""
    return _reading(profile, in_clear=in_clear).values("attributes", profile.attributes)


def details(profile: CustomerProfile, *, values: Mapping[str, str], in_clear: bool) -> list[Value]:
    """Return sealed values, opened or masked before, with where they come from (two queries)."""
    return _reading(profile, in_clear=in_clear).values("personal", values)


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


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is needed to say of stored values what they mean and where they come from."""

    fields: Mapping[str, Field]
    sources: Mapping[str, str]
    origins: Mapping[str, Any]
    in_clear: bool

    def values(
        self, kind: str, stored: Mapping[str, Any], *, lineage: Mapping[str, str] | None = None
    ) -> list[Value]:
        told = lineage or {}
        found = [
            self._value(f"{kind}.{name}", name, value, lineage=told.get(name, ""))
            for name, value in stored.items()
        ]
        return sorted(found, key=lambda value: value.label.lower())

    def _value(self, path: str, name: str, value: Any, /, *, lineage: str) -> Value:
        field = self.fields.get(path)
        origin = self.origins.get(path) or {}
        source = str(origin.get("source") or "")
        is_sensitive = bool(field and field.is_sensitive)
        is_hidden = is_sensitive and not self.in_clear
        # The amounts of several shops share a trait; their currency is not known here.
        unit = field.unit if field and field.unit != "currency" else ""
        return Value(
            label=field.label if field else name.replace("_", " ").capitalize(),
            text="" if is_hidden else shown(value),
            unit="" if is_hidden else unit,
            source=self.sources.get(source, source),
            at=datetime.fromisoformat(origin["at"]) if origin.get("at") else None,
            lineage=lineage,
            is_sensitive=is_sensitive,
            is_hidden=is_hidden,
            is_merged="from" in origin,
        )


def _reading(profile: CustomerProfile, *, in_clear: bool) -> _Reading:
    return _Reading(
        fields={field.path: field for field in Field.objects.all()},
        sources=dict(Source.objects.values_list("slug", "name")),
        origins=profile.origins,
        in_clear=in_clear,
    )


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
