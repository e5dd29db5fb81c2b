"""Read one cell: text, number, time, flag; a CellError says what is wrong and how to write it."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import isnan
from typing import Any

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_ERROR = timedelta(days=1)
_CENT = Decimal("0.01")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_EPOCH = re.compile(r"[+-]?\d{9,}(\.\d+)?")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SHOWN_LENGTH = 40
# From here on floats miss whole numbers.
_INEXACT = 2**53
LARGEST = 2_147_483_647


class CellError(Exception):
    """A value that cannot be taken: in which column, and why. It quotes nothing personal."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


def is_missing(value: Any) -> bool:
    """Tell an empty cell: nothing, blanks, or the NaN that data frames write for nothing."""
    if isinstance(value, float):
        return isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def shown(value: Any) -> str:
    """Quote a value of a column that holds nothing personal, unless it looks like an address."""
    text_ = str(value)
    if "@" in text_:
        return "a value with @ (not shown)"
    return repr(text_[:_SHOWN_LENGTH] + ("…" if len(text_) > _SHOWN_LENGTH else ""))


def text(value: Any, *, column: str, limit: int) -> str:
    """Return a trimmed text, empty for a missing one; whole numbers become their digits."""
    if is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        if abs(value) >= _INEXACT:
            raise CellError(column, "is a number too long to be exact: send it as text")
        value = int(value)
    if isinstance(value, bool | dict | list | bytes):
        raise CellError(column, "is not text")
    trimmed = str(value).strip()
    if len(trimmed) > limit:
        raise CellError(column, f"is longer than {limit} characters")
    if not trimmed.isprintable():
        _refuse_unstorable(trimmed, column=column)
    return trimmed


def required(value: Any, *, column: str, limit: int, why: str) -> str:
    found = text(value, column=column, limit=limit)
    if not found:
        raise CellError(column, f"is missing: {why}")
    return found


def moment(value: Any, *, column: str, now: datetime) -> datetime:
    """Return a time with its zone, neither in the future nor before people bought by computer."""
    found = value if isinstance(value, datetime) else _read_moment(value, column=column)
    if found.tzinfo is None:
        raise CellError(column, f"{shown(value)} has no time zone: write 2026-11-23T10:00:00+01:00")
    if found > now + CLOCK_ERROR:
        raise CellError(column, f"{shown(value)} is more than a day in the future")
    if found < EARLIEST:
        raise CellError(column, f"{shown(value)} is before 1990: is the year right?")
    return found


def day(value: Any, *, column: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise CellError(column, "is not a date: write 2026-11-23") from None


def money(value: Any, *, column: str, digits: int = 10) -> Decimal:
    """Return an amount with two decimals, of either sign; a comma or a symbol is a fault."""
    amount = _decimal(value)
    if amount is None:
        raise CellError(column, f"{shown(value)} is not a decimal number: write 12.50")
    if abs(amount) >= Decimal(10) ** digits:
        raise CellError(column, f"{shown(value)} has more than {digits} digits before the point")
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def price(value: Any, *, column: str) -> Decimal:
    amount = money(value, column=column)
    if amount < 0:
        raise CellError(column, f"{shown(value)} is below zero")
    return amount


def whole(value: Any, *, column: str, top: int = LARGEST) -> int:
    found = _decimal(value)
    if found is None or found != found.to_integral_value():
        raise CellError(column, f"{shown(value)} is not a whole number")
    if not 0 <= found <= top:
        raise CellError(column, f"{shown(value)} is not between 0 and {top}")
    return int(found)


def number(value: Any, *, column: str) -> int | float:
    """Return a number for a typed attribute; whole ones stay whole."""
    found = _decimal(value)
    if found is None or abs(found) > 10**15:
        raise CellError(column, "is not a decimal number: write 12.50")
    return int(found) if found == found.to_integral_value() else float(found)


def flag(value: Any, *, column: str) -> bool:
    found = value if isinstance(value, bool) else _FLAGS.get(str(value).strip().lower())
    if found is None:
        raise CellError(column, "is not yes or no: write true or false")
    return found


def currency(value: Any, *, column: str) -> str:
    code = text(value, column=column, limit=3)
    if code and not _CURRENCY.fullmatch(code):
        raise CellError(column, f"{shown(value)} is not a currency: write three letters, as EUR")
    return code.upper()


def _decimal(value: Any) -> Decimal | None:
    try:
        found = None if isinstance(value, bool) else Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _read_moment(value: Any, *, column: str) -> datetime:
    raw = str(value).strip()
    if _EPOCH.fullmatch(raw) or isinstance(value, int | float):
        raise CellError(
            column,
            f"{shown(value)} looks like an epoch number: write ISO 8601, 2026-11-23T10:00:00Z",
        )
    try:
        return datetime.fromisoformat(raw)
    except ValueError:
        raise CellError(
            column, f"{shown(value)} is not a time: write ISO 8601, 2026-11-23T10:00:00Z"
        ) from None


def _refuse_unstorable(value: str, *, column: str) -> None:
    """Refuse what no text column of PostgreSQL can hold."""
    if "\0" in value:
        raise CellError(column, "holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CellError(column, "is not valid UTF-8: save the file as UTF-8") from None
