"""What the collector answers: small JSON bodies that a script of any website may read."""

import base64
import re
from collections.abc import Mapping

import orjson
from django.http import HttpRequest, HttpResponse

from personalization.ingest.backlog import RETRY_SECONDS
from personalization.models import Source

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
DAY_SECONDS = 86_400
_HEADER_NAMES = re.compile(r"[A-Za-z0-9-]+(\s*,\s*[A-Za-z0-9-]+)*")
_USUAL_HEADERS = "authorization, content-type"


def accepted(request: HttpRequest, *, count: int, quarantined: int) -> HttpResponse:
    found: dict[str, object] = {"success": True, "accepted": count - quarantined}
    if quarantined:
        found["quarantined"] = quarantined
    return _json(request, found, status=200)


def refused(request: HttpRequest, *, status: int, problem: str) -> HttpResponse:
    return _json(request, {"success": False, "error": problem}, status=status)


def unknown_key(request: HttpRequest) -> HttpResponse:
    problem = "no active source has this write key: take it from the page of the source"
    return refused(request, status=401, problem=problem)


def wait(request: HttpRequest, *, status: int, problem: str) -> HttpResponse:
    """Ask for patience: clients keep their events and send them again."""
    answer = refused(request, status=status, problem=problem)
    answer["Retry-After"] = str(RETRY_SECONDS)
    return answer


def preflight(request: HttpRequest) -> HttpResponse:
    """Let a website's script ask; for a day, so that it does not ask before each event."""
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    answer = HttpResponse(status=200, content_type="application/json")
    answer["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    answer["Access-Control-Allow-Headers"] = (
        wanted if len(wanted) <= 500 and _HEADER_NAMES.fullmatch(wanted) else _USUAL_HEADERS
    )
    answer["Access-Control-Max-Age"] = str(DAY_SECONDS)
    return _for_any_site(request, answer)


def pixel(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(PIXEL, content_type="image/gif")
    answer["Cache-Control"] = "no-store"
    return _for_any_site(request, answer)


def segment_settings(request: HttpRequest, *, key: str) -> HttpResponse:
    host = f"{request.get_host()}/v1"
    sender = {"apiKey": key, "apiHost": host, "protocol": request.scheme}
    everything = {"__default": {"enabled": True, "integrations": {}}}
    found = {
        "integrations": {"Segment.io": sender},
        "plan": {"track": everything, "identify": everything, "group": everything},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
    return _json(request, found, status=200)


def rudder_config(request: HttpRequest, *, source: Source, key: str) -> HttpResponse:
    off = {"enabled": False}
    found = {
        "source": {
            "id": source.slug,
            "name": source.name,
            "writeKey": key,
            "enabled": True,
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        },
        "updatedAt": source.created_at.isoformat(),
    }
    return _json(request, found, status=200)


def _json(request: HttpRequest, found: Mapping[str, object], *, status: int) -> HttpResponse:
    answer = HttpResponse(orjson.dumps(found), content_type="application/json", status=status)
    return _for_any_site(request, answer)


def _for_any_site(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Echo the site that asks: browsers that send cookies along refuse a `*`. We read none."""
    if origin := request.META.get("HTTP_ORIGIN"):
        answer["Access-Control-Allow-Origin"] = str(origin)
        answer["Access-Control-Allow-Credentials"] = "true"
        answer["Vary"] = "Origin"
    return answer
