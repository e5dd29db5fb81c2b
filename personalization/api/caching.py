"""Answers that may be kept: strong ETags, 304, and who may keep them for how long."""

import hashlib

from django.http import HttpResponse
from rest_framework import status
from rest_framework.request import Request

# One address gives each program its own answers.
VARY = "Authorization, X-API-Key"
_DAY = 86_400


def private(raw: bytes, *, request: Request, seconds: int) -> HttpResponse:
    """Return an answer about somebody: it is kept by who asked, and by nobody on the way."""
    response = _answer(raw, request=request)
    response["Cache-Control"] = f"private, max-age={seconds}"
    response["Vary"] = VARY
    return response


def public(raw: bytes, *, request: Request, seconds: int) -> HttpResponse:
    """Return an answer about nobody: proxies may keep it, and show it while we are away."""
    response = _answer(raw, request=request)
    response["Cache-Control"] = (
        f"public, max-age={seconds}, s-maxage={seconds}, "
        f"stale-while-revalidate={seconds}, stale-if-error={_DAY}"
    )
    return response


def _answer(raw: bytes, *, request: Request) -> HttpResponse:
    tag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
    response = (
        HttpResponse(status=status.HTTP_304_NOT_MODIFIED)
        if _knows(request, tag=tag)
        else HttpResponse(raw, content_type="application/json")
    )
    response["ETag"] = tag
    return response


def _knows(request: Request, *, tag: str) -> bool:
    """Compare weakly (RFC 9110): a proxy that packs an answer marks its tag as weak."""
    given = request.headers.get("If-None-Match", "").split(",")
    known = {each.strip().removeprefix("W/") for each in given}
    return tag in known or "*" in known
