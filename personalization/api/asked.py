"""Read what a caller asks at send time: from the address, or from a JSON body."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, cast

from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from consent.api.authentication import caller_of
from personalization.api import body
from personalization.serving.question import KINDS, Kind, Question, Recipient

MOST_SLOTS = 10
LONGEST = 200
_LONGEST_MESSAGE = 120
_LONGEST_SOURCE = 50
_IN_URLS: tuple[Kind, ...] = ("external_id", "anonymous_id", "token")
_KNOWN = frozenset({"recipients", "slots", "message", "context", "explain", "source", "strict"})
_CONTEXT = frozenset({"ip", "lat", "lon"})
_TRUE, _FALSE = ("1", "true"), ("", "0", "false")


def one(request: Request, *, slot: str) -> Question:
    """Read the parameters of a GET."""
    given = request.query_params
    _checked_context({name: given[name] for name in _CONTEXT if name in given})
    return Question(
        recipients=(person(request),),
        slots=(_slot(slot),),
        message=text(given.get("message", ""), name="message", longest=_LONGEST_MESSAGE),
        source=source_of(request),
        explain=flag(request, "explain"),
        is_strict=flag(request, "strict"),
    )


def many(request: Request) -> tuple[Question, list[str]]:
    """Read the body of a POST; the second is what is wrong with each recipient, or nothing."""
    given = body.mapping(request)
    if unknown := sorted(set(given) - _KNOWN):
        raise ParseError(
            f"Unknown: {unknown[0][:40]!r}. The body has: {', '.join(sorted(_KNOWN))}."
        )
    _checked_context(given.get("context") or {})
    read = [_placed(each) for each in _recipients(given.get("recipients"))]
    question = Question(
        recipients=tuple(each for each in read if isinstance(each, Recipient)),
        slots=_slots(given.get("slots")),
        message=text(given.get("message") or "", name="message", longest=_LONGEST_MESSAGE),
        source=source_in(given, request=request),
        explain=_switch(given, "explain"),
        is_strict=_switch(given, "strict"),
    )
    return question, [each if isinstance(each, str) else "" for each in read]


def flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "").lower()
    if value not in (*_TRUE, *_FALSE):
        raise ParseError(f"“{name}” is 1 or 0.")
    return value in _TRUE


def _switch(given: Mapping[str, Any], name: str) -> bool:
    """Read the same out of a body."""
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise ParseError(f"“{name}” is true or false.")
    return value


def count(request: Request, name: str, *, default: int, most: int) -> int:
    """Read a number of things."""
    given = request.query_params.get(name, "") or str(default)
    if not (given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= most):
        raise ParseError(f"“{name}” is a whole number from 1 to {most}.")
    return int(given)


def source_of(request: Request) -> str:
    """Return whose customer numbers these are: named in the call, or those of the program."""
    given = text(request.query_params.get("source", ""), name="source", longest=_LONGEST_SOURCE)
    return given or caller_of(request).source or "api"


def source_in(given: Mapping[str, Any], *, request: Request) -> str:
    """Return the same where a body may name it."""
    named = text(given.get("source") or "", name="source", longest=_LONGEST_SOURCE)
    return named or source_of(request)


def recipient(given: Mapping[str, Any]) -> Recipient:
    """Read whom a body is about."""
    return _recipient(given, allowed=KINDS)


def person(request: Request) -> Recipient:
    """Read whom a GET is about."""
    if "email" in request.query_params:
        raise ParseError(
            "An address does not belong in a URL, where logs keep it: send it by POST, or name "
            "the person by external_id, anonymous_id or token."
        )
    return _recipient(request.query_params, allowed=_IN_URLS)


def _recipients(given: object) -> list[object]:
    if not isinstance(given, list) or not given:
        raise ParseError('“recipients” is a list such as [{"external_id": "C-1"}].')
    if len(given) > body.ITEMS:
        raise body.TooLarge(
            f"There are {len(given):,} recipients; a call takes {body.ITEMS:,}. Split it."
        )
    return given


def _placed(given: object) -> Recipient | str:
    if not isinstance(given, dict):
        return 'A recipient is an object such as {"external_id": "C-1"}.'
    try:
        return _recipient(given, allowed=KINDS)
    except ParseError as error:
        return str(error.detail)


def _recipient(given: Mapping[str, Any], *, allowed: tuple[Kind, ...]) -> Recipient:
    named = [kind for kind in KINDS if given.get(kind) not in (None, "")]
    if len(named) != 1 or named[0] not in allowed:
        raise ParseError(f"Name the person by exactly one of: {', '.join(allowed)}.")
    kind = named[0]
    return Recipient(kind=kind, value=text(given[kind], name=kind, longest=LONGEST))


def _slots(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SLOTS:
        raise ParseError(f"“slots” is a list of 1 to {MOST_SLOTS} names of slots.")
    return tuple(dict.fromkeys(_slot(each) for each in given))


def _slot(given: object) -> str:
    return text(given, name="slot", longest=80)


def text(given: object, *, name: str, longest: int) -> str:
    """Return a text that can be looked for: numbers pass for text, as many programs send them."""
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or len(given) > longest:
        raise ParseError(f"“{name}” is a text of at most {longest} characters.")
    if "\x00" in given or (not given.isprintable() and given):
        raise ParseError(f"“{name}” holds characters that are not printable.")
    return given


def _checked_context(given: object) -> None:
    """Check what is said of place; content by place and weather is not built yet."""
    if not isinstance(given, Mapping) or set(given) - _CONTEXT:
        raise ParseError("“context” is an object of ip, lat, lon.")
    if given.get("ip") not in (None, "") and not _is_ip(cast(object, given["ip"])):
        raise ParseError("“ip” is an address such as 203.0.113.7 or 2001:db8::7.")
    for name, limit in (("lat", 90.0), ("lon", 180.0)):
        if name in given and not _is_degree(cast(object, given[name]), limit=limit):
            raise ParseError(f"“{name}” is a number from {-limit:g} to {limit:g}.")


def _is_ip(given: object) -> bool:
    try:
        return isinstance(given, str) and bool(ip_address(given.strip()))
    except ValueError:
        return False


def _is_degree(given: object, *, limit: float) -> bool:
    try:
        return not isinstance(given, bool) and abs(float(str(given))) <= limit
    except ValueError:
        return False
