"""Read one event row: its person, time, amount and product lines; identifiers are cut away."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

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
CONTEXT_BYTES = 8_000
# What `context` holds where nothing is known.
NOTHING = b"{}"
LINES = 10_000
LONGEST_PRICE = 40
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
        *("clientip", "userip", "remoteaddr"),
        *("ip", "ipaddress", "ssn", "iban", "cardnumber", "creditcard", "passport", "userid"),
        *("customerid", "externalid", "anonymousid", "customername", "customeremail"),
    )
)
# No customer number holds a NUL, so an anonymous id cannot pass for one.
_ANONYMOUS = "\0"
# Begins at a word only, and not endless: whatever a text holds, it is looked through once.
_ADDRESS = re.compile(r"(?<![^\s@/?&=])[^\s@/?&=]+(@|%40)[^\s@/?&=]{1,253}\.[^\s@]")

_SINGLE = "properties.{1}"
_LISTED = "properties.products[{0}].{1}"

Line = tuple[int, str, int, str]


class EventRow(NamedTuple):
    """An event ready to be stored. `lines` are (line, the shop's product id, quantity, price).

    A tuple, because a big file makes millions of them. `person` is the customer number, or what
    `anonymous` makes of an anonymous id; empty where the caller knows the subject. `at` is when it
    occurred, as text.
    """

    line: int
    message_id: str
    name: str
    person: str
    occurred_at: datetime
    at: str
    amount: Decimal | None
    currency: str | None
    lines: list[Line]
    properties: bytes
    context: bytes
    is_generated: bool
    is_machine: bool

    def renamed(self, name: str) -> "EventRow":
        return EventRow(self.line, self.message_id, name, *self[3:])


def read(row: Row, *, now: datetime) -> EventRow:
    """Return the event of a row, or raise the CellError of its first bad column."""
    if row.fault:
        raise CellError("", row.fault)
    cells = row.values
    given = cells.get("properties")
    return event(
        line=row.line,
        message_id=message_id(cells.get("message_id")),
        name=_name(cells),
        person=_person(cells),
        occurred_at=moment(cells.get("timestamp"), now=now),
        properties=given if type(given) is dict else _properties(given),
        context=NOTHING,
        is_machine=cells.get("machine") is True,
    )


def event(
    *,
    line: int,
    message_id: str,
    name: str,
    person: str,
    occurred_at: datetime,
    properties: Mapping[str, Any],
    context: bytes,
    is_machine: bool,
) -> EventRow:
    """Return an event with its amount and lines taken out of its properties."""
    return EventRow(
        line,
        message_id,
        name,
        person,
        occurred_at,
        occurred_at.isoformat(),
        _amount(properties),
        _currency(properties.get("currency")),
        _lines(properties),
        _kept(properties),
        context,
        properties.get("generated") is True,
        is_machine,
    )


def anonymous(person: str) -> str:
    """Return the anonymous id that a `person` stands for, empty for a customer number."""
    return person[1:] if person.startswith(_ANONYMOUS) else ""


def message_id(value: Any) -> str:
    if _is_plain(value):
        return value
    why = "it tells a repeat from a new event"
    return values.required(value, column="message_id", limit=200, why=why)


def _is_plain(value: Any) -> TypeGuard[str]:
    """Tell an id that stays as it is, as nearly all are: nothing to trim, nothing unprintable."""
    return (
        type(value) is str
        and 0 < len(value) <= 200
        and value.isprintable()
        and value[0] != " "
        and value[-1] != " "
    )


def event_name(value: Any) -> str:
    """Return a name that can be stored; empty where none is given."""
    return _checked_name(value) if isinstance(value, str) else _text_name(value)


def moment(value: Any, *, now: datetime) -> datetime:
    """Return the time of an event in UTC, in which its day and month are counted."""
    given = _quickly(value)
    if type(given) is datetime and given.tzinfo is UTC and values.EARLIEST <= given <= now:
        return given
    if values.is_missing(value):
        raise CellError("timestamp", "is missing: write ISO 8601, 2026-11-23T10:00:00Z")
    found = values.moment(given, column="timestamp", now=now)
    return found if found.tzinfo is UTC else found.astimezone(UTC)


def _quickly(value: Any) -> Any:
    """Read a time as most are written; every other form is left to be judged at length."""
    if type(value) is str and value[10:11] == "T":
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return value


def context(given: Mapping[str, Any]) -> bytes:
    """Return where it happened as JSON; the door has cut it to keys that name nobody already."""
    if not given:
        return NOTHING
    found = _dumped(given, column="context", limit=CONTEXT_BYTES)
    if b"@" in found or b"%40" in found:
        cleaned = {key: _clean_value(value, depth=1, is_ours=True) for key, value in given.items()}
        return _dumped(cleaned, column="context", limit=CONTEXT_BYTES)
    return found


def _name(cells: Mapping[str, Any]) -> str:
    kind = cells.get("type")
    if kind is None:
        kind = ""
    elif kind != "track":
        kind = values.text(kind, column="type", limit=20)
    if kind not in _NAMES:
        raise CellError("type", f"{values.shown(kind)} is not track, page or screen")
    name = event_name(cells.get("event"))
    if not name and not _NAMES[kind]:
        raise CellError("event", "is missing: the name of what happened, as Order Completed")
    return name or _NAMES[kind]


def _text_name(value: Any) -> str:
    return values.text(value, column="event", limit=120)


_checked_name = lru_cache(maxsize=1024)(_text_name)


def _person(cells: Mapping[str, Any]) -> str:
    value = cells.get("external_id")
    if _is_plain(value):
        return value
    if found := values.text(value, column="external_id", limit=200):
        return found
    nameless = values.text(cells.get("anonymous_id"), column="anonymous_id", limit=200)
    if not nameless:
        raise CellError("external_id", "is missing, and so is anonymous_id: one names the person")
    return _ANONYMOUS + nameless


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
        if value is not None and not values.is_missing(value):
            return _money(value, key)
    return None


def _money(value: Any, key: str, /) -> Decimal:
    return values.money(value, column=f"properties.{key}", digits=12)


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
    price = given.get("price")
    if isinstance(price, str) and len(price) > LONGEST_PRICE:
        # No price; and it is not worth remembering.
        raise CellError(place.format(number, "price"), "is not a number")
    try:
        price = _price_text(price)
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
    """Return what stays of the properties, as JSON without anything that names a person.

    Most are a few plain values: whether they need to be looked into shows in their JSON.
    """
    if _names_nobody(tuple(properties)):
        found = _dumped(properties, column="properties", limit=PROPERTIES_BYTES)
        if found.rfind(b"{") == 0 and not _is_suspicious(found):
            return found
    return _dumped(dict(_clean(properties, depth=0)), column="properties", limit=PROPERTIES_BYTES)


def _is_suspicious(found: bytes) -> bool:
    """Tell JSON that may hold an address or a list."""
    return b"@" in found or b"%40" in found or b"[" in found


@lru_cache(maxsize=4096)
def _names_nobody(keys: tuple[str, ...]) -> bool:
    return not any(key in _MOVED or is_identifier(key) for key in keys)


def _dumped(kept: Mapping[str, Any], *, column: str, limit: int) -> bytes:
    try:
        found = orjson.dumps(kept, default=_plain)
    except TypeError as error:
        raise CellError(column, f"cannot be kept as JSON: {error}") from None
    if b"\\u0000" in found:
        raise CellError(column, "holds a NUL character")
    if len(found) > limit:
        raise CellError(column, f"is over {limit} bytes without its products")
    return found


def _clean(given: Mapping[str, Any], *, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH:
        raise CellError("properties", f"is nested deeper than {DEPTH} levels")
    for key, value in given.items():
        if not is_identifier(key) and (depth or key not in _MOVED):
            yield key, _clean_value(value, depth=depth)


def _clean_value(value: Any, *, depth: int, is_ours: bool = False) -> Any:
    """Clean what is inside; keys of a part that we cut ourselves (`is_ours`) name nobody."""
    if isinstance(value, str):
        return "[removed]" if ("@" in value or "%40" in value) and _ADDRESS.search(value) else value
    if depth > DEPTH and isinstance(value, dict | list):
        raise CellError("properties", f"is nested deeper than {DEPTH} levels")
    if isinstance(value, dict) and is_ours:
        return {k: _clean_value(each, depth=depth + 1, is_ours=True) for k, each in value.items()}
    if isinstance(value, dict):
        return dict(_clean(value, depth=depth + 1))
    if isinstance(value, list):
        return [_clean_value(each, depth=depth + 1, is_ours=is_ours) for each in value]
    return value


@lru_cache(maxsize=4096)
def is_identifier(key: str) -> bool:
    if "@" in key or "%40" in key:
        return True
    return re.sub(r"[^a-z0-9]", "", key.lower()) in _IDENTIFIERS


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"a value of type {type(value).__name__}")
