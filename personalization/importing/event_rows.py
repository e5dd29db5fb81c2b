"""Read one event row: its person, time, amount and product lines; identifiers are cut away."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from personalization.importing import values
from personalization.importing.rows import Row
from personalization.importing.values import CellError

COLUMNS = frozenset(
    (
        *("message_id", "type", "event", "external_id", "anonymous_id"),
        *("timestamp", "properties", "machine"),
    )
)
DEPTH = 8
PROPERTIES_BYTES = 32_000
LINES = 10_000
_AMOUNTS = ("total", "revenue", "value")
_NAMES = {"track": "", "": "", "page": "Page Viewed", "screen": "Screen Viewed"}
# What these hold lives elsewhere: in the lines, in a column.
_MOVED = frozenset(("products", "generated"))
_IDENTIFIERS = frozenset(
    (
        *("email", "emailaddress", "mail", "phone", "phonenumber", "mobile", "telephone"),
        *("name", "firstname", "lastname", "fullname", "middlename", "surname", "givenname"),
        *("familyname", "username", "login", "password", "street", "address", "address1"),
        *("address2", "addressline1", "addressline2", "birthday", "birthdate", "dateofbirth"),
        *("ip", "ipaddress", "ssn", "iban", "cardnumber", "creditcard", "passport", "userid"),
        *("customerid", "externalid", "anonymousid", "customername", "customeremail"),
    )
)
_ADDRESS = re.compile(r"[^\s@/?&=]+(@|%40)[^\s@/?&=]+\.[^\s@]+")

_SINGLE = "properties.{1}"
_LISTED = "properties.products[{0}].{1}"

Line = tuple[int, str, int, str]


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event ready to be stored. `lines` are (line, the shop's product id, quantity, price)."""

    line: int
    message_id: str
    name: str
    person: str
    occurred_at: datetime
    amount: Decimal | None
    currency: str | None
    lines: list[Line]
    properties: bytes
    is_generated: bool
    is_machine: bool


def read(row: Row, *, now: datetime) -> EventRow:
    """Return the event of a row, or raise the CellError of its first bad column."""
    if row.fault:
        raise CellError("", row.fault)
    cells = row.values
    properties = _properties(cells.get("properties"))
    return EventRow(
        line=row.line,
        message_id=_named(cells.get("message_id"), column="message_id", limit=200),
        name=_event_name(cells),
        person=_person(cells),
        occurred_at=_occurred_at(cells.get("timestamp"), now=now),
        amount=_amount(properties),
        currency=_currency(properties.get("currency")),
        lines=_lines(properties),
        properties=_kept(properties),
        is_generated=properties.get("generated") is True,
        is_machine=cells.get("machine") is True,
    )


def _named(value: Any, *, column: str, limit: int) -> str:
    if type(value) is str and value.isalnum() and len(value) <= limit:
        return value
    why = "it tells a repeat from a new event"
    return values.required(value, column=column, limit=limit, why=why)


def _event_name(cells: Mapping[str, Any]) -> str:
    kind = values.text(cells.get("type"), column="type", limit=20)
    if kind not in _NAMES:
        raise CellError("type", f"{values.shown(kind)} is not track, page or screen")
    given = cells.get("event")
    name = _checked_name(given) if isinstance(given, str) else _text_name(given)
    if not name and not _NAMES[kind]:
        raise CellError("event", "is missing: the name of what happened, as Order Completed")
    return name or _NAMES[kind]


def _text_name(value: Any) -> str:
    return values.text(value, column="event", limit=120)


_checked_name = lru_cache(maxsize=1024)(_text_name)


def _person(cells: Mapping[str, Any]) -> str:
    why = "it names the customer; events of people without one come in through the collector"
    return values.required(cells.get("external_id"), column="external_id", limit=200, why=why)


def _occurred_at(value: Any, *, now: datetime) -> datetime:
    if values.is_missing(value):
        raise CellError("timestamp", "is missing: write ISO 8601, 2026-11-23T10:00:00Z")
    return values.moment(value, column="timestamp", now=now)


def _properties(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if values.is_missing(value):
        return {}
    if not isinstance(value, str | bytes):
        raise CellError("properties", "is not a JSON object")
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise CellError("properties", f"is not JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(found, dict):
        raise CellError("properties", "is not a JSON object")
    return found


def _amount(properties: Mapping[str, Any]) -> Decimal | None:
    for key in _AMOUNTS:
        value = properties.get(key)
        if not values.is_missing(value):
            return values.money(value, column=f"properties.{key}", digits=12)
    return None


def _currency(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return _checked_currency(value) or None
    except TypeError:
        raise CellError("properties.currency", "is not text") from None


@lru_cache(maxsize=256)
def _checked_currency(value: Any) -> str:
    return values.currency(value, column="properties.currency")


def _lines(properties: Mapping[str, Any]) -> list[Line]:
    products = properties.get("products")
    if products is None:
        single = properties.get("product_id")
        return [] if values.is_missing(single) else [_line(properties, 0, _SINGLE)]
    if not isinstance(products, list):
        raise CellError("properties.products", "is not a list")
    if len(products) > LINES:
        raise CellError("properties.products", f"has more than {LINES} lines")
    return [_line(given, number, _LISTED) for number, given in enumerate(products)]


def _line(given: Any, number: int, place: str, /) -> Line:
    """Read one product line; a big file has tens of them an event, so the usual case is short."""
    if not isinstance(given, dict):
        raise CellError(f"properties.products[{number}]", "is not a JSON object")
    product = given.get("product_id")
    # Most ids are plain letters and digits, which need no look at each character.
    if type(product) is not str or not product.isalnum():
        column = place.format(number, "product_id")
        why = "a line without a product says nothing"
        product = values.required(product, column=column, limit=100, why=why)
    quantity = given.get("quantity", 1)
    if type(quantity) is not int or not 0 <= quantity <= values.LARGEST:
        quantity = _quantity(quantity, column=place.format(number, "quantity"))
    try:
        price = _price_text(given.get("price"))
    except CellError as fault:
        raise CellError(place.format(number, "price"), fault.reason) from None
    except TypeError:
        raise CellError(place.format(number, "price"), "is not a number") from None
    return number, product, quantity, price


def _quantity(value: Any, *, column: str) -> int:
    return 1 if values.is_missing(value) else values.whole(value, column=column)


@lru_cache(maxsize=65_536, typed=True)
def _price_text(value: Any) -> str:
    """Return a price as COPY writes it; the same prices come again and again."""
    return r"\N" if values.is_missing(value) else str(values.price(value, column="price"))


def _kept(properties: Mapping[str, Any]) -> bytes:
    """Return what stays of the properties, as JSON without anything that names a person."""
    kept = dict(_clean(properties, depth=0))
    try:
        found = orjson.dumps(kept, default=_plain)
    except TypeError as error:
        raise CellError("properties", f"cannot be kept as JSON: {error}") from None
    if b"\\u0000" in found:
        raise CellError("properties", "holds a NUL character")
    if len(found) > PROPERTIES_BYTES:
        raise CellError("properties", f"is over {PROPERTIES_BYTES} bytes without its products")
    return found


def _clean(given: Mapping[str, Any], *, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH:
        raise CellError("properties", f"is nested deeper than {DEPTH} levels")
    for key, value in given.items():
        if not _is_identifier(key) and (depth or key not in _MOVED):
            yield key, _clean_value(value, depth=depth)


def _clean_value(value: Any, *, depth: int) -> Any:
    if isinstance(value, str):
        return "[removed]" if ("@" in value or "%40" in value) and _ADDRESS.search(value) else value
    if isinstance(value, dict):
        return dict(_clean(value, depth=depth + 1))
    if isinstance(value, list):
        if depth > DEPTH:
            raise CellError("properties", f"is nested deeper than {DEPTH} levels")
        return [_clean_value(each, depth=depth + 1) for each in value]
    return value


@lru_cache(maxsize=4096)
def _is_identifier(key: str) -> bool:
    return re.sub(r"[^a-z0-9]", "", key.lower()) in _IDENTIFIERS


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a value of type {type(value).__name__}")
