"""What events say of a person: names sealed, registered fields typed, everything else left out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from consent.models import Purpose
from consent.permission import Permission
from personalization.importing import customer_rows, profile_store, values
from personalization.importing.customer_rows import PERSONAL
from personalization.importing.profile_store import Change
from personalization.importing.values import CellError
from personalization.ingest.reading import Reading, address
from personalization.ingest.tally import Tally, type_name
from personalization.models import Field, Source

_LIMIT = 300
# What trackers call a thing that we have a name for.
_ALSO = {
    "given_name": "first_name",
    "firstname": "first_name",
    "family_name": "last_name",
    "surname": "last_name",
    "lastname": "last_name",
    "phone_number": "phone",
    "mobile": "phone",
    "country_code": "country",
    "time_zone": "timezone",
}
_SEPARATORS = re.compile(r"[\W_]+")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s.$-]+")


@dataclass(frozen=True)
class Allowed:
    """The fields that somebody may fill: by name the type, and what a sensitive one asks for."""

    types: Mapping[str, str]
    # The purpose that needs an explicit consent; empty where no purpose can give one.
    sensitive: Mapping[str, str]
    personal: frozenset[str]
    # What each typed field is kept for.
    purposes: Mapping[str, str]

    def name_of(self, sent: str) -> str:
        """Return our name of what a tracker says: as it is registered, whatever its case and
        separators, or as everybody calls it."""
        if sent in self._known:
            return sent
        ours = _ours(sent)
        return ours if ours in self._known else self._folded.get(_fold(ours), ours)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset((*self.types, *self.sensitive, *self.personal))

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {_fold(name): name for name in sorted(self._known, reverse=True)}


def says_something(reading: Reading) -> bool:
    """Say whether an event tells something of a person; traits of other types only name them."""
    return reading.type == "identify" and bool(reading.traits)


def allowed() -> Allowed:
    """Read what is registered now (two queries)."""
    explicit = set(Purpose.objects.filter(is_explicit=True).values_list("code", flat=True))
    fields = list(
        Field.objects.filter(kind=Field.Kind.ATTRIBUTE).values_list(
            "name", "type", "is_personal", "is_sensitive", "purpose_id"
        )
    )
    return Allowed(
        types={name: type_ for name, type_, is_personal, _, _ in fields if not is_personal},
        sensitive={
            name: purpose if purpose in explicit else ""
            for name, _, _, is_sensitive, purpose in fields
            if is_sensitive
        },
        personal=frozenset(PERSONAL) | {name for name, _, personal, _, _ in fields if personal},
        purposes={name: purpose for name, _, is_personal, _, purpose in fields if not is_personal},
    )


def save(
    readings: Sequence[Reading],
    *,
    fields: Allowed,
    permissions: Mapping[int, Permission],
    source: Source,
    now: datetime,
    tally: Tally,
) -> set[int]:
    """Write what may be kept and note what may not; return the profiles that changed."""
    changes = []
    for each in readings:
        change, left_out = _change(each, fields=fields, permissions=permissions, now=now)
        for name, value in each.traits.items():
            tally.properties["", name, type_name(value), name not in left_out] += 1
        if change.personal or change.attributes:
            changes.append(change)
    return profile_store.save(changes, source=source.slug, now=now) if changes else set()


def _change(
    reading: Reading, *, fields: Allowed, permissions: Mapping[int, Permission], now: datetime
) -> tuple[Change, set[str]]:
    granted = permissions[reading.subject_id].granted if fields.sensitive else frozenset()
    refused = {said.purpose for said in reading.said if not said.is_granted}
    personal: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    left_out: set[str] = set()
    for name, ours, value in _spread(reading.traits, fields=fields):
        try:
            if values.is_missing(value):
                continue
            if not _may_keep(ours, fields=fields, granted=granted):
                left_out.add(name)
            elif ours in fields.personal:
                personal[ours] = values.text(value, column=ours, limit=_LIMIT)
            elif ours in fields.types:
                typed = _TYPED[fields.types[ours]](value, ours)
                if ours in fields.sensitive:
                    # Sealed like a name: no condition and no preview ever sees it.
                    personal[ours] = customer_rows.sealable(typed)
                elif fields.purposes[ours] not in refused:
                    attributes[ours] = typed
            elif ours != "email" or not address(reading.traits):
                left_out.add(name)
        except CellError:
            left_out.add(name)
    at = min(reading.occurred_at, now)
    change = Change(subject_id=reading.subject_id, personal=personal, attributes=attributes, at=at)
    return change, left_out


def _may_keep(name: str, *, fields: Allowed, granted: frozenset[str]) -> bool:
    """Say whether a field is not sensitive, or has the explicit consent it needs."""
    return name not in fields.sensitive or fields.sensitive[name] in granted


def _spread(traits: Mapping[str, Any], *, fields: Allowed) -> Iterable[tuple[str, str, Any]]:
    """Yield each trait as sent, our name for it, and its value; addresses and names in parts."""
    for name, value in traits.items():
        ours = fields.name_of(name)
        if ours == "address" and isinstance(value, dict):
            yield from ((name, fields.name_of(str(part)), each) for part, each in value.items())
        elif ours == "name" and isinstance(value, str):
            first, _, last = value.strip().partition(" ")
            known = {fields.name_of(other) for other in traits}
            parts = {"first_name": first, "last_name": last.strip()}
            yield from ((name, part, text) for part, text in parts.items() if part not in known)
        else:
            yield name, ours, value


@lru_cache(maxsize=1024)
def _fold(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()


@lru_cache(maxsize=1024)
def _ours(name: str) -> str:
    snake = _WORDS.sub("_", name.strip()).strip("_").lower()
    return _ALSO.get(snake, snake)


def _list(value: Any, column: str) -> list[str]:
    parts = value if isinstance(value, list) else str(value).split("|")
    return [values.text(part, column=column, limit=_LIMIT) for part in parts]


_TYPED: Mapping[str, Callable[[Any, str], Any]] = {
    Field.Type.TEXT.value: lambda value, column: values.text(value, column=column, limit=_LIMIT),
    Field.Type.NUMBER.value: lambda value, column: values.number(value, column=column),
    Field.Type.DATE.value: lambda value, column: values.day(value, column=column).isoformat(),
    Field.Type.BOOLEAN.value: lambda value, column: values.flag(value, column=column),
    Field.Type.LIST.value: _list,
}
