"""What failed outside of any view of the API: a problem document there, a page elsewhere."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults

_API = "/api/v1/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that was refused before a view saw it, as for a host nobody serves."""
    if request.path.startswith(_API):
        return _problem("The request is not valid.", 400)
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer where a view broke; what broke stands in the log only."""
    if request.path.startswith(_API):
        return _problem("Something failed on our side. Try again; the log says what it was.", 500)
    return defaults.server_error(request)


def _problem(title: str, status: int) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status}
    return JsonResponse(body, status=status, content_type="application/problem+json")
