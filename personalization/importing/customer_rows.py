"""Read one row of a customer file: who it is, what may be kept, what was said about consent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from consent.identify import Names
from consent.identity import normalise_email
from consent.models import ConsentRecord, Purpose
from personalization.importing import values
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from personalization.models import Field

PERSONAL = ("first_name", "last_name", "phone", "street")
CONSENT = "consent_"
CONSENT_SOURCE = "consent_source"
CONSENT_AT = "consent_at"
IDENTIFIERS = ("external_id", "email")
_LIMIT = 300
_PLAIN = {*IDENTIFIERS, CONSENT_SOURCE, CONSENT_AT}
_ACTIONS = frozenset(action.value for action in ConsentRecord.Action)


@dataclass(frozen=True, slots=True)
class Said:
    """One consent column of a row."""

    purpose: str
    action: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    line: int
    names: Names
    personal: dict[str, str]
    attributes: dict[str, Any]
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the catalogue lets an import keep: personal columns, typed attributes, purposes."""

    personal: frozenset[str]
    types: Mapping[str, str]
    purposes: frozenset[str]

    def knows(self, column: str) -> bool:
        return (
            column in _PLAIN
            or column in self.personal
            or column in self.types
            or (column.startswith(CONSENT) and column.removeprefix(CONSENT) in self.purposes)
        )


def catalogue() -> Columns:
    """Read what is registered now; sensitive fields need a proof that a file cannot give."""
    fields = Field.objects.filter(kind=Field.Kind.ATTRIBUTE, is_sensitive=False)
    rows = list(fields.values_list("name", "type", "is_personal"))
    return Columns(
        personal=frozenset(PERSONAL) | {name for name, _, is_personal in rows if is_personal},
        types={name: type_ for name, type_, is_personal in rows if not is_personal},
        purposes=frozenset(Purpose.objects.values_list("code", flat=True)),
    )


def read(row: Row, *, columns: Columns, default_source: str, now: datetime) -> Customer:
    """Return the customer of a row, or raise the CellError of its first bad column."""
    if row.fault:
        raise CellError("", row.fault)
    personal: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    for column, value in row.values.items():
        if values.is_missing(value):
            continue
        if column in columns.personal:
            personal[column] = values.text(value, column=column, limit=_LIMIT)
        elif column in columns.types:
            attributes[column] = _typed(value, column=column, type_=columns.types[column])
    return Customer(
        line=row.line,
        names=_names(row.values),
        personal=personal,
        attributes=attributes,
        said=_said(row.values, columns=columns, default_source=default_source, now=now),
    )


def _names(row: Mapping[str, Any]) -> Names:
    external_id = values.text(row.get("external_id"), column="external_id", limit=200)
    address = values.text(row.get("email"), column="email", limit=254)
    if not external_id and not address:
        raise CellError(
            "external_id", "is missing, and so is email: one of them names the customer"
        )
    try:
        email = normalise_email(address) if address else ""
    except ValidationError:
        masked = "the value is not shown"
        raise CellError("email", f"is not an email address ({masked}): name@domain") from None
    return Names(external_id=external_id, email=email)


def _said(
    row: Mapping[str, Any], *, columns: Columns, default_source: str, now: datetime
) -> tuple[Said, ...]:
    actions = {
        purpose: _action(row[CONSENT + purpose], column=CONSENT + purpose)
        for purpose in columns.purposes
        if not values.is_missing(row.get(CONSENT + purpose))
    }
    if not actions:
        return ()
    if values.is_missing(row.get(CONSENT_AT)):
        raise CellError(CONSENT_AT, "is missing: a consent counts only with the time it was given")
    at = values.moment(row[CONSENT_AT], column=CONSENT_AT, now=now)
    # A later time than now would win over what the person says next.
    at = min(at, now)
    source = values.text(row.get(CONSENT_SOURCE), column=CONSENT_SOURCE, limit=60)
    return tuple(
        Said(purpose=purpose, action=action, source=source or default_source, at=at)
        for purpose, action in sorted(actions.items())
    )


def _action(value: Any, *, column: str) -> str:
    said = str(value).strip().lower()
    if said not in _ACTIONS:
        raise CellError(
            column,
            f"{values.shown(value)} is none of granted, refused, withdrawn, objected; "
            "leave it empty where nothing was said",
        )
    return said


def _list(value: Any, *, column: str) -> list[str]:
    parts = value if isinstance(value, list) else str(value).split("|")
    return [values.text(part, column=column, limit=_LIMIT) for part in parts]


_TYPED: Mapping[str, Callable[..., Any]] = {
    Field.Type.TEXT.value: lambda value, column: values.text(value, column=column, limit=_LIMIT),
    Field.Type.NUMBER.value: values.number,
    Field.Type.DATE.value: lambda value, column: values.day(value, column=column).isoformat(),
    Field.Type.BOOLEAN.value: values.flag,
    Field.Type.LIST.value: _list,
}


def _typed(value: Any, *, column: str, type_: str) -> Any:
    return _TYPED[type_](value, column=column)
