"""How what a source sends changes: new properties, other types, what went quiet, odd names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from personalization.models import SeenProperty

RECENT = timedelta(days=7)
QUIET = timedelta(days=7)
# A value may be left out now and then: that is no other type.
EMPTY = "empty"
# A source that sends more different properties than this has a fault of its own.
READ = 10_000
PERSON = ""


@dataclass(frozen=True, slots=True)
class Property:
    """A property as it was seen: its event (empty: said of a person), name and type."""

    event: str
    name: str
    type: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    is_kept: bool = True

    @property
    def place(self) -> str:
        return self.event or "customers"


@dataclass(frozen=True, slots=True)
class Change:
    """A property with more than one type; the newest is the one seen first most lately."""

    event: str
    name: str
    before: str
    after: str
    since: datetime

    @property
    def place(self) -> str:
        return self.event or "customers"


@dataclass(frozen=True, slots=True)
class Drift:
    new: list[Property]
    changed: list[Change]
    quiet: list[Property]
    unregistered: list[Property]
    # Spellings of one event name, as “signed_up” and “Signed Up”.
    spellings: list[list[str]]
    seen: int

    @property
    def count(self) -> int:
        return len(self.new) + len(self.changed) + len(self.quiet) + len(self.spellings)


def of(source_id: int, *, now: datetime) -> Drift:
    """Compare what a source sends now with what it sent before; one query."""
    rows = SeenProperty.objects.filter(source=source_id).order_by("event", "name", "type")
    return compare([_property(row) for row in rows[:READ]], now=now)


def compare(properties: Sequence[Property], *, now: datetime) -> Drift:
    """Tell the drift of a schema; in its first week a source has none that is new."""
    if not properties:
        return Drift([], [], [], [], [], seen=0)
    began = min(each.first_seen_at for each in properties)
    last: dict[str, datetime] = {}
    for each in properties:
        last[each.event] = max(each.last_seen_at, last.get(each.event, each.last_seen_at))
    changed = _changed(properties)
    known = {(change.event, change.name) for change in changed}
    return Drift(
        new=[
            each
            for each in properties
            if each.first_seen_at > now - RECENT
            and each.first_seen_at > began + RECENT
            and (each.event, each.name) not in known
        ],
        changed=changed,
        quiet=[each for each in properties if _went_quiet(each, event_seen_at=last[each.event])],
        unregistered=[each for each in properties if not each.is_kept],
        spellings=spellings({each.event for each in properties if each.event != PERSON}),
        seen=len(properties),
    )


def spellings(names: Iterable[str]) -> list[list[str]]:
    """Return the names that are one when case and separators are left aside."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        found[re.sub(r"[\W_]+", "", name).casefold()].append(name)
    return [same for same in found.values() if len(same) > 1]


def _property(row: SeenProperty) -> Property:
    return Property(
        event=row.event,
        name=row.name,
        type=row.type,
        count=row.count,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        is_kept=row.is_kept,
    )


def _changed(properties: Iterable[Property]) -> list[Change]:
    types: dict[tuple[str, str], list[Property]] = defaultdict(list)
    for each in properties:
        if each.type != EMPTY:
            types[each.event, each.name].append(each)
    changed = []
    for (event, name), seen in types.items():
        if len(seen) > 1:
            *_, before, after = sorted(seen, key=lambda each: each.first_seen_at)
            changed.append(Change(event, name, before.type, after.type, after.first_seen_at))
    return changed


def _went_quiet(each: Property, *, event_seen_at: datetime) -> bool:
    """Its event went on for a week without it."""
    return event_seen_at - each.last_seen_at > QUIET
