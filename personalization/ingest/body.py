"""Turn the bytes of a request into JSON values, whatever it calls itself; find what is faulty."""

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import orjson

RECEIVED_BYTES = 512_000
UNPACKED_BYTES = 4_000_000
EVENT_BYTES = 32_768
# Deeper than anybody means it, and so shallow that writing it down again always works.
DEPTH = 64
_CUT_AT = 100
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
# A number that might not fit into 64 bits: the fast parser rounds it without a word.
_LONG_NUMBER = re.compile(rb"[:\[,\s]-?\d{19}")
# A text that never ends is one token as well: looked for again from each of its marks it would
# take hours.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.?)*+"?|[\[{]|[\]}]', re.DOTALL)
# Where the events of a body stand that is no list itself: Segment's and PostHog's, Snowplow's.
_LISTS = ("batch", "data")
_KEPT_CHARACTERS = 4_000


class TooLarge(Exception):
    """A body over its limit, packed or unpacked; says which."""


class Unreadable(Exception):
    """A body that can never be read; says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body as JSON values. `is_suspect`: something in it cannot be kept; `flaw` finds where."""

    value: object
    size: int
    is_suspect: bool = False


def parse(raw: bytes) -> Parsed:
    """Read a body: gzip or not, as JSON or as the form field `data` that holds base64."""
    if len(raw) > RECEIVED_BYTES:
        raise TooLarge(f"the body is over {RECEIVED_BYTES:,} bytes: send fewer events at once")
    return parse_json(_unpacked(raw))


def parse_json(text: bytes) -> Parsed:
    """Read JSON; what standard JSON lacks (NaN, half characters) is read, too, and suspect."""
    if not text.strip():
        raise Unreadable("the body is empty: send JSON")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Parsed(_pruned(_leniently(text)), size=len(text), is_suspect=True)
    if b"\\u0000" in text or _LONG_NUMBER.search(text):
        return Parsed(_pruned(_leniently(text)), size=len(text), is_suspect=True)
    if not _is_shallow(value):
        return Parsed(_pruned(value), size=len(text), is_suspect=True)
    return Parsed(value, size=len(text))


def length(value: object) -> int:
    """Return how many events a body holds, wherever its client puts their list."""
    named = [value.get(name) for name in _LISTS] if isinstance(value, dict) else [value]
    return max((len(each) for each in named if isinstance(each, list)), default=1)


def flaw(value: object, *, depth: int = 0) -> str:
    """Say why a value cannot be kept as it is, or nothing."""
    if isinstance(value, dict | list):
        if depth >= DEPTH:
            return f"is nested deeper than {DEPTH} levels"
        return next(filter(None, (flaw(each, depth=depth + 1) for each in _parts(value))), "")
    if isinstance(value, str):
        return _text_flaw(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "holds NaN or Infinity, which JSON does not know"
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return "holds a whole number that does not fit into 64 bits"
    return ""


def storable(value: object, *, depth: int = 0) -> object:
    """Return a faulty value so that it can be written down: cut, and with marks for the bad parts.

    The words of an over-long text and what lies too deep are left out.
    """
    if isinstance(value, dict | list):
        if depth >= DEPTH:
            return "[nested too deep]"
        if isinstance(value, list):
            return [storable(each, depth=depth + 1) for each in value]
        pairs = value.items()
        return {_plain_text(key): storable(each, depth=depth + 1) for key, each in pairs}
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, float | int) and flaw(value):
        return str(float(value))
    return value


def written_size(value: object) -> int:
    """Return how many bytes a value takes as JSON."""
    try:
        return len(orjson.dumps(value))
    except TypeError:
        return len(orjson.dumps(storable(value)))


def _unpacked(raw: bytes) -> bytes:
    text = _gunzipped(raw) if raw.startswith(_GZIP) else raw
    if text.startswith(b"data="):
        text = _form_data(text)
    return text.removeprefix(_BOM)


def _gunzipped(raw: bytes) -> bytes:
    """Unpack at most so much: a few kilobytes of gzip can hold gigabytes."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(raw, UNPACKED_BYTES)
    except zlib.error:
        raise Unreadable("the body begins as gzip and does not unpack") from None
    if unpacker.unconsumed_tail:
        raise TooLarge(f"the body is over {UNPACKED_BYTES:,} bytes unpacked: send fewer events")
    if not unpacker.eof:
        raise Unreadable("the body is gzip and breaks off before its end")
    if unpacker.unused_data.strip(b"\0"):
        raise Unreadable("the body goes on behind the end of its gzip: send one part")
    return text


def _form_data(text: bytes) -> bytes:
    value = unquote_to_bytes(text.removeprefix(b"data=").partition(b"&")[0].replace(b"+", b" "))
    if value.lstrip()[:1] in (b"{", b"["):
        return value
    try:
        inner = base64.b64decode(value.replace(b" ", b"+"), validate=True)
    except binascii.Error:
        raise Unreadable("the form field data is neither JSON nor base64") from None
    return _gunzipped(inner) if inner.startswith(_GZIP) else inner


def _leniently(text: bytes) -> object:
    """Read again with a parser that goes on; bytes that are not UTF-8 become half characters."""
    try:
        return _load(text)
    except RecursionError:
        pass
    if len(text) > RECEIVED_BYTES:
        raise Unreadable("the body is nested deeper than any parser follows")
    try:
        return _load(b"".join(_without_depths(text)))
    except RecursionError:
        raise Unreadable("the body is nested deeper than any parser follows") from None


def _load(text: bytes) -> object:
    try:
        found: object = json.loads(
            text.decode("utf-8", "surrogateescape"), strict=False, parse_int=_whole
        )
    except ValueError:
        raise Unreadable("the body is not JSON") from None
    return found


def _whole(digits: str) -> int:
    # Reading thousands of digits takes long and gives nothing that could be kept.
    return int(digits) if len(digits) < 40 else 10**40


def _without_depths(text: bytes) -> Iterator[bytes]:
    """Put 0 for what lies deeper than 100 levels, so that its neighbours can still be read."""
    depth, kept_from = 0, 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in b"[{":
            depth += 1
            if depth == _CUT_AT + 1:
                yield text[kept_from : token.start()] + b"0"
        elif mark in b"]}":
            depth -= 1
            if depth == _CUT_AT:
                kept_from = token.end()
    if depth <= _CUT_AT:
        yield text[kept_from:]


def _pruned(value: object, *, depth: int = 0) -> object:
    """Put 0 for what lies deeper than 100 levels: whoever reads, compares or quotes it recurses."""
    if not isinstance(value, dict | list):
        return value
    if depth >= _CUT_AT:
        return 0
    if isinstance(value, list):
        return [_pruned(each, depth=depth + 1) for each in value]
    return {key: _pruned(each, depth=depth + 1) for key, each in value.items()}


def _is_shallow(value: object) -> bool:
    # Written inside as many lists as we may later add around it; orjson stops at 254 levels.
    try:
        orjson.dumps([[[[[[value]]]]]])
    except TypeError:
        return False
    return True


def _parts(value: "dict[str, object] | list[object]") -> Iterator[object]:
    if isinstance(value, list):
        yield from value
        return
    yield from value
    yield from value.values()


def _text_flaw(text: str) -> str:
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate, or bytes that are not UTF-8)"
    return ""


def _plain_text(text: str) -> str:
    short = text[:_KEPT_CHARACTERS] + ("…" if len(text) > _KEPT_CHARACTERS else "")
    return short.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
