"""What a value is: text, number, boolean, moment or list, alike in Python and PostgreSQL."""

import re
from calendar import isleap
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import Literal

Kind = Literal["text", "number", "boolean", "date", "list"]

# A sum must not round where PostgreSQL's numeric would not.
EXACT = Context(prec=400)

_MONTHS_31 = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_MONTHS_30 = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_FEBRUARY = "02-(?:0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR = "(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)"
_DATE = f"(?:[12][0-9]{{3}}-(?:{_MONTHS_31}|{_MONTHS_30}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_CLOCK = "[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
# A cast in PostgreSQL raises on 30 February; so the pattern itself knows the calendar.
MOMENT_PATTERN = f"{_DATE}(?:{_CLOCK}{_ZONE}?)?"
ZONED_PATTERN = f":[0-9.]+{_ZONE}"

_moment = re.compile(MOMENT_PATTERN, re.ASCII)


def moment(value: object) -> datetime | None:
    """The instant a value means, or None; without a zone it is UTC, a day is its midnight."""
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> datetime | None:
    if not _moment.fullmatch(text):
        return None
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def month_day(at: datetime) -> str:
    """The day of the year a moment lies on, in UTC: `02-29`."""
    return f"{at.astimezone(UTC):%m-%d}"


def month_days(now: datetime, *, days: int) -> frozenset[str]:
    """Today and the days after it; in a common year 29 February is kept on the 28th."""
    today = now.astimezone(UTC).date()
    return _month_days(today, days)


@lru_cache(maxsize=64)
def _month_days(today: date, days: int) -> frozenset[str]:
    dates = [today + timedelta(days=each) for each in range(days)]
    found = {f"{each:%m-%d}" for each in dates}
    if any((each.month, each.day) == (2, 28) and not isleap(each.year) for each in dates):
        found.add("02-29")
    return frozenset(found)


def is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def exact(value: object) -> Decimal | None:
    """The number as the decimal it was written as (a float 0.1 is 0.1, not 0.1000…0055)."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return None


def kind_of(value: object) -> Kind | None:
    """The kind a tree's value is compared as; a text that is a date compares as a moment."""
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, tuple | list):
        return "list"
    if moment(value) is not None:
        return "date"
    return "text" if isinstance(value, str) else None


def common_kind(values: Sequence[object]) -> Kind | None:
    """The one kind of all values; dates among other texts are texts; None if they differ."""
    kinds = {kind_of(value) for value in values}
    if kinds == {"date", "text"}:
        return "text"
    return kinds.pop() if len(kinds) == 1 else None
