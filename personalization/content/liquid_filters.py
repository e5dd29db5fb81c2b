"""The Liquid filters marketers may use, each bounded in time and memory and never raw."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any, Final

from liquid import Environment
from liquid.exceptions import FilterArgumentError, LiquidError
from markupsafe import Markup

MAX_TEXT: Final = 20_000
MAX_ITEMS: Final = 1_000
MAX_NUMBER: Final = 10**30

_FilterFunction = Callable[..., Any]

# `safe` and `escapejs` print raw, base64 can smuggle, `escape_once` guesses: all absent.
# fmt: off
ALLOWED: Final = frozenset(
    {
        "abs", "append", "at_least", "at_most", "capitalize", "ceil", "compact", "concat",
        "default", "divided_by", "downcase", "escape", "find", "find_index", "first", "floor",
        "has", "join", "last", "lstrip", "map", "minus", "modulo", "newline_to_br", "plus",
        "prepend", "reject", "remove", "remove_first", "remove_last", "replace",
        "replace_first", "replace_last", "reverse", "round", "rstrip", "size", "slice", "sort",
        "sort_natural", "split", "squish", "strip", "strip_html", "strip_newlines", "sum",
        "times", "truncate", "truncatewords", "uniq", "upcase", "url_decode", "url_encode",
        "where",
    }
)
# fmt: on
# Their result is one of their inputs, or escaped by them: markup may stay markup.
_KEEPS_MARKUP: Final = frozenset({"default", "newline_to_br", "strip_newlines"})
_GROWS_BY_OCCURRENCE: Final = frozenset({"replace", "replace_first", "replace_last"})
_GROWS: Final = _GROWS_BY_OCCURRENCE | {"join"}
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_DIRECTIVE = re.compile(r"%-?[aAbBdHIjmMpSyYeZ%]|%")


def allowed_filters(builtin: Mapping[str, _FilterFunction]) -> dict[str, _FilterFunction]:
    """The allowed ones of the engine's own filters, bounded, and our deterministic `date`."""
    filters = {name: _bounded(name, builtin[name]) for name in sorted(ALLOWED)}
    filters["date"] = _bounded("date", format_date)
    return filters


def format_date(value: object, pattern: object = "%Y-%m-%d") -> object:
    """Format an ISO 8601 text, a date or a Unix time; anything else comes back unchanged.

    There is deliberately no "now": a mail replayed from its receipt has to be the same.
    """
    moment = _moment(value)
    if moment is None:
        return value
    return _DIRECTIVE.sub(lambda match: _directive(moment, match.group()), str(pattern))


def _directive(moment: datetime, directive: str) -> str:
    if directive == "%":
        return directive
    code = directive[-1]
    text = moment.strftime("%d" if code == "e" else f"%{code}")
    unpadded = directive[1] == "-" or code == "e"
    return (text.lstrip("0") or "0") if unpadded else text


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value.strip())
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _bounded(name: str, function: _FilterFunction) -> _FilterFunction:
    keeps_markup = name in _KEEPS_MARKUP

    @wraps(function)  # carries python-liquid's `with_environment` mark along
    def bounded(value: object, *arguments: object, **named: object) -> object:
        inputs = [value, *arguments]
        if not keeps_markup:
            inputs = [_plain_text(item) for item in inputs]
        _refuse_growth(name, inputs)
        try:
            result = function(*inputs, **named)
        except LiquidError:
            raise
        except _FAILURES as error:
            message = f"the filter `{name}` cannot work on this value"
            raise FilterArgumentError(message, token=None) from error
        return _within_limits(name, result)

    return bounded


def _plain_text(value: object) -> object:
    # Markup through a string filter could lose its escaping (`replace: "&lt;", "<"`), so it
    # becomes plain text again and is escaped when it is printed.
    return str(value) if type(value) is Markup else value


def _refuse_growth(name: str, inputs: list[object]) -> None:
    """Refuse before the memory is taken; `_within_limits` would come too late."""
    for item in inputs:
        if type(item) is str and len(item) <= MAX_TEXT:
            continue
        if isinstance(item, range) and len(item) > MAX_ITEMS:
            raise _limit(name, f"ranges of more than {MAX_ITEMS:,} numbers")
        if isinstance(item, str) and len(item) > MAX_TEXT and type(item) is not Markup:
            raise _limit(name, f"texts of more than {MAX_TEXT:,} characters")
    if name not in _GROWS:
        return
    value, arguments = inputs[0], inputs[1:]
    if name in _GROWS_BY_OCCURRENCE and len(arguments) > 1:
        text, old, new = str(value), str(arguments[0]), str(arguments[1])
        if len(text) + text.count(old) * len(new) > MAX_TEXT:
            raise _limit(name, f"texts of more than {MAX_TEXT:,} characters")
    if name == "join" and isinstance(value, list | tuple | range):
        separator = str(arguments[0]) if arguments else " "
        if sum(_length(item) + len(separator) for item in value) > MAX_TEXT:
            raise _limit(name, f"texts of more than {MAX_TEXT:,} characters")


def _length(item: object) -> int:
    if isinstance(item, str):
        return len(item)
    if isinstance(item, list | tuple):
        return sum(_length(inner) for inner in item)
    return 20


def _within_limits(name: str, result: object) -> object:
    if type(result) is str and len(result) <= MAX_TEXT:
        return result
    if isinstance(result, str) and len(result) > MAX_TEXT and type(result) is not Markup:
        raise _limit(name, f"texts of more than {MAX_TEXT:,} characters")
    if isinstance(result, list) and len(result) > MAX_ITEMS:
        raise _limit(name, f"lists of more than {MAX_ITEMS:,} items")
    if isinstance(result, int | float) and not -MAX_NUMBER <= result <= MAX_NUMBER:
        raise _limit(name, "numbers of more than 30 digits")
    return result


def _limit(name: str, what: str) -> FilterArgumentError:
    return FilterArgumentError(f"the filter `{name}` does not handle {what}", token=None)


def builtin_filters() -> Mapping[str, _FilterFunction]:
    return Environment().filters
