"""Read the items of a call from its body: limits first, then strict JSON."""

import zlib

import orjson
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request

BODY_BYTES = 10_000_000
ITEMS = 1000
DEPTH = 32
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE


def mapping(request: Request) -> dict[str, object]:
    """Return the object in the body, gzip or not."""
    found = _parsed(request)
    if not isinstance(found, dict):
        raise ParseError("The body is not a JSON object.")
    if _depth_over(found, limit=DEPTH):
        raise ParseError(f"The body is nested deeper than {DEPTH} levels.")
    return found


def items(request: Request) -> list[object]:
    """Return the list in the body: `[…]` or `{"items": […]}`, gzip or not."""
    found = _parsed(request)
    listed = found.get("items") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise ParseError('The body is neither a JSON list nor {"items": [...]}.')
    if len(listed) > ITEMS:
        raise TooLarge(f"The body has {len(listed):,} items; a call takes {ITEMS:,}. Split it.")
    if _depth_over(found, limit=DEPTH):
        raise ParseError(f"The body is nested deeper than {DEPTH} levels.")
    return listed


def _parsed(request: Request) -> object:
    raw = _unpacked(_received(request)).removeprefix(_BOM)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # The parser names a position, never the text.
        where = f"line {error.lineno}, column {error.colno}"
        raise ParseError(f"The body is not JSON: {error.msg} ({where}).") from None


def _received(request: Request) -> bytes:
    stream = request.stream
    raw: bytes = b"" if stream is None else stream.read(BODY_BYTES + 1)
    if len(raw) > BODY_BYTES:
        raise TooLarge(f"The body is over {BODY_BYTES:,} bytes. Split it.")
    return raw


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(_GZIP):
        return raw
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(raw, BODY_BYTES + 1)
    except zlib.error:
        raise ParseError("The body is a damaged gzip.") from None
    if len(text) > BODY_BYTES:
        raise TooLarge(f"The body is over {BODY_BYTES:,} bytes unpacked. Split it.")
    if not unpacker.eof:
        raise ParseError("The body is a gzip that was cut off.")
    return text


def _depth_over(value: object, *, limit: int) -> bool:
    """Tell whether JSON is nested deeper than allowed, a level at a time."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
