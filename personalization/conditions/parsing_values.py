"""Read the values inside a condition: texts, numbers, lists, durations, patterns."""

from collections.abc import Mapping
from typing import Literal

from personalization.conditions import values
from personalization.conditions.errors import TreeError, join
from personalization.conditions.nodes import Duration, Operator, Scalar, Value
from personalization.conditions.pattern import PatternError, parse_pattern

MAX_TEXT = 1_000
MAX_LIST = 1_000
MAX_DAYS = 3_650
MAX_NUMBER = 10**18
_UNITS = ("weeks", "days", "hours", "minutes")


def read_value(
    found: Mapping[str, object],
    *,
    op: Operator,
    path: str,
    kind: Literal["number", "date"] | None = None,
) -> Value:
    """The value that fits the operator; `kind` narrows what it may be compared as."""
    at = join(path, "value")
    if found.get("value") is None:
        raise TreeError(at, f"“{op}” needs a value")
    value = _READERS[op](found["value"], at)
    kinds = {values.kind_of(each) for each in (value if isinstance(value, tuple) else (value,))}
    if kind is not None and not isinstance(value, Duration) and kinds != {kind}:
        wanted = "a number" if kind == "number" else 'an ISO date such as "2026-01-31"'
        raise TreeError(at, f"this is compared with {wanted}, not {found['value']!r:.60}")
    return value


def read_text(data: object, *, path: str) -> str:
    if not isinstance(data, str) or not data or len(data) > MAX_TEXT:
        raise TreeError(path, f"a text of 1 to {MAX_TEXT} characters is needed here")
    if "\x00" in data or any("\ud800" <= char <= "\udfff" for char in data):
        raise TreeError(path, "the text holds characters that no data can hold (NUL, surrogates)")
    return data


def read_duration(data: object, *, path: str) -> Duration:
    if not isinstance(data, dict) or not data or any(key not in _UNITS for key in data):
        raise TreeError(
            path, f'a duration is an object such as {{"days": 7}}; units: {", ".join(_UNITS)}'
        )
    for unit, amount in data.items():
        is_whole = isinstance(amount, int) and not isinstance(amount, bool)
        if not is_whole or not 0 < amount <= MAX_DAYS * 24 * 60:
            raise TreeError(join(path, unit), "a duration is a positive whole number")
    duration = Duration(**data)
    if duration.delta.days > MAX_DAYS:
        raise TreeError(path, f"at most {MAX_DAYS} days (ten years) back")
    return duration


def _scalar(data: object, path: str) -> Scalar:
    if isinstance(data, str):
        return read_text(data, path=path)
    if isinstance(data, bool):
        return data
    if isinstance(data, int | float):
        if not abs(data) <= MAX_NUMBER:
            raise TreeError(path, "the number is too large or not a number")
        return data
    raise TreeError(path, f"a text, a number, true or false, not {type(data).__name__}")


def _members(data: object, path: str) -> tuple[Scalar, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_LIST:
        raise TreeError(path, f"a list of 1 to {MAX_LIST} values is needed here")
    members = tuple(_scalar(item, f"{path}[{index}]") for index, item in enumerate(data))
    if values.common_kind(members) is None:
        raise TreeError(path, "all values of a list are of one kind: texts, numbers or dates")
    return members


def _whole(data: object, path: str) -> Value:
    return _list_of_values(data, path) if isinstance(data, list) else _scalar(data, path)


def _list_of_values(data: object, path: str) -> tuple[Scalar, ...]:
    members = _members(data, path)
    if any(isinstance(member, bool) for member in members):
        raise TreeError(path, "a list holds texts or numbers")
    return members


def _ordered(data: object, path: str) -> Scalar:
    value = _scalar(data, path)
    if values.kind_of(value) not in ("number", "date"):
        raise TreeError(
            path, f'a number or an ISO date such as "2026-01-31" is needed here, not {value!r:.60}'
        )
    return value


def _date(data: object, path: str) -> Scalar:
    value = _scalar(data, path)
    if values.kind_of(value) != "date":
        raise TreeError(path, f'an ISO date such as "2026-01-31" is needed here, not {value!r:.60}')
    return value


def _bounds(data: object, path: str) -> tuple[Scalar, ...]:
    if not isinstance(data, list) or len(data) != 2:
        raise TreeError(path, "“between” takes a list of two values: [lowest, highest]")
    low, high = _ordered(data[0], f"{path}[0]"), _ordered(data[1], f"{path}[1]")
    if values.kind_of(low) != values.kind_of(high):
        raise TreeError(path, "both values are numbers, or both are dates")
    if _rank(low) > _rank(high):
        raise TreeError(path, "the first value is larger than the second; swap them")
    return low, high


def _rank(value: Scalar) -> float:
    at = values.moment(value)
    return at.timestamp() if at is not None else float(value)


def _text(data: object, path: str) -> str:
    return read_text(data, path=path)


def _pattern(data: object, path: str) -> str:
    text = read_text(data, path=path)
    try:
        parse_pattern(text)
    except PatternError as error:
        raise TreeError(path, str(error)) from error
    return text


def _duration(data: object, path: str) -> Duration:
    return read_duration(data, path=path)


def _anniversary(data: object, path: str) -> Duration:
    """Whole days, today being the first; a year holds every anniversary."""
    duration = read_duration(data, path=path)
    if duration.hours or duration.minutes or duration.delta.days > 366:
        raise TreeError(path, "an anniversary is a day: write 1 to 366 days (1 is today), or weeks")
    return duration


_READERS = {
    "eq": _whole, "ne": _whole, "in": _members, "not_in": _members,
    "gt": _ordered, "gte": _ordered, "lt": _ordered, "lte": _ordered, "between": _bounds,
    "contains": _text, "starts_with": _text, "ends_with": _text, "matches": _pattern,
    "before": _date, "after": _date,
    "within_last": _duration, "not_within_last": _duration, "anniversary_within_next": _anniversary,
    "includes_any": _list_of_values, "includes_all": _list_of_values,
}  # fmt: skip
