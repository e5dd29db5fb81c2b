"""Read one row of a customer file: who it is, what may be kept, what was said about consent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
GRANTED = ConsentRecord.Action.GRANTED.value
NEEDS_PROOF = "counts only with where it was granted (form, contract …)"


@dataclass(frozen=True, slots=True)
class Said:
    """One consent column of a row."""

    purpose: str
    action: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """`sensitive` values wait for the proof that this person agreed to each; see `sensitive`."""

    line: int
    names: Names
    personal: dict[str, str]
    attributes: dict[str, Any]
    said: tuple[Said, ...]
    sensitive: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """What the catalogue lets an import keep: personal columns, typed attributes, purposes.

    `sensitive` leads from a field to the explicit purpose it needs.
    """

    personal: frozenset[str]
    types: Mapping[str, str]
    purposes: frozenset[str]
    sensitive: Mapping[str, str] = field(default_factory=dict)
    explicit: frozenset[str] = frozenset()

    def keeps(self, column: str) -> bool:
        """Tell whether there is a place for what this column says of a person."""
        return column in self.personal or column in self.types

    def knows(self, column: str) -> bool:
        return (
            column in _PLAIN
            or self.keeps(column)
            or (column.startswith(CONSENT) and column.removeprefix(CONSENT) in self.purposes)
        )


def catalogue() -> Columns:
    """Read what is registered now (two queries).

    A sensitive field whose purpose asks for no explicit consent is not there at all: nobody
    could ever give the proof for its values.
    """
    fields = Field.objects.filter(kind=Field.Kind.ATTRIBUTE).exclude(
        is_sensitive=True, purpose__is_explicit=False
    )
    rows = list(fields)
    purposes = dict(Purpose.objects.values_list("code", "is_explicit"))
    return Columns(
        personal=frozenset(PERSONAL)
        | {each.name for each in rows if each.is_personal and not each.is_sensitive},
        types={each.name: each.type for each in rows if each.is_sensitive or not each.is_personal},
        purposes=frozenset(purposes),
        sensitive={each.name: each.purpose_id for each in rows if each.is_sensitive},
        explicit=frozenset(code for code, is_explicit in purposes.items() if is_explicit),
    )


def read(row: Row, *, columns: Columns, default_source: str, now: datetime) -> Customer:
    """Return the customer of a row, or raise the CellError of its first bad column."""
    if row.fault:
        raise CellError("", row.fault)
    return customer(
        row.values,
        line=row.line,
        names=names(row.values),
        said=_said(row.values, columns=columns, default_source=default_source, now=now),
        columns=columns,
    )


def customer(
    given: Mapping[str, Any],
    *,
    line: int,
    names: Names,
    said: tuple[Said, ...],
    columns: Columns,
) -> Customer:
    """Sort what is given of a person by how it is kept; what nobody registered is left out."""
    personal: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    sensitive: dict[str, str] = {}
    for column, value in given.items():
        if values.is_missing(value):
            continue
        if column in columns.personal:
            personal[column] = values.text(value, column=column, limit=_LIMIT)
        elif column in columns.types:
            typed = _typed(value, column=column, type_=columns.types[column])
            if column in columns.sensitive:
                sensitive[column] = sealable(typed)
            else:
                attributes[column] = typed
    return Customer(
        line=line,
        names=names,
        personal=personal,
        attributes=attributes,
        said=said,
        sensitive=sensitive,
    )


def names(row: Mapping[str, Any]) -> Names:
    """Return what a row calls its person by."""
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
        purpose: action(row[CONSENT + purpose], column=CONSENT + purpose)
        for purpose in columns.purposes
        if not values.is_missing(row.get(CONSENT + purpose))
    }
    if not actions:
        return ()
    at = said_at(row.get(CONSENT_AT), column=CONSENT_AT, now=now)
    source = values.text(row.get(CONSENT_SOURCE), column=CONSENT_SOURCE, limit=60)
    unproven = sorted(
        purpose for purpose in columns.explicit if actions.get(purpose) == GRANTED and not source
    )
    if unproven:
        raise CellError(CONSENT_SOURCE, f"is missing: {unproven[0]} {NEEDS_PROOF}")
    return tuple(
        Said(purpose=purpose, action=said, source=source or default_source, at=at)
        for purpose, said in sorted(actions.items())
    )


def said_at(value: Any, *, column: str, now: datetime) -> datetime:
    """Read when something was said."""
    if values.is_missing(value):
        raise CellError(column, "is missing: a consent counts only with the time it was given")
    # A later time than now would win over what the person says next.
    return min(values.moment(value, column=column, now=now), now)


def action(value: Any, *, column: str) -> str:
    """Read what was said of a purpose."""
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


def sealable(typed: Any) -> str:
    """Write the typed value of a sensitive field as the text that is sealed."""
    match typed:
        case bool():
            return "yes" if typed else "no"
        case list():
            return ", ".join(typed)
        case _:
            return str(typed)


def _typed(value: Any, *, column: str, type_: str) -> Any:
    return _TYPED[type_](value, column=column)
