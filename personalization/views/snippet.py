"""What a website asks of us: our script, our pixel, and what we do with a privacy signal."""

import base64

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import condition, require_safe

from personalization.ingest import pixel
from personalization.sources import browser
from personalization.views import answers, collector
from personalization.views.collector import Dialect

HOUR = 3_600
# One transparent point in 43 bytes, as small as a complete picture gets.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
PIXEL = Dialect(pixel.read, key=pixel.key)


def _etag(_request: HttpRequest) -> str:
    return browser.script().etag


@require_safe
@condition(etag_func=_etag)
def attune_js(_request: HttpRequest) -> HttpResponse:
    """Serve the script; it reads its write key from its own address, so all share one answer."""
    response = HttpResponse(browser.script().body, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={HOUR}"
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
def pixel_gif(request: HttpRequest) -> HttpResponse:
    """Answer with the same picture whatever came: a broken one would show in somebody's page."""
    collector.collect(request, dialect=PIXEL, methods=("GET", "HEAD"))
    answer = answers.pixel(request)
    answer.content = GIF
    return answer


@require_safe
def gpc(_request: HttpRequest) -> JsonResponse:
    """Say that a Global Privacy Control signal is obeyed here."""
    response = JsonResponse({"gpc": True, "lastUpdate": "2026-11-23"})
    response["Cache-Control"] = f"public, max-age={24 * HOUR}"
    return response
