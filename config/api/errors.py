"""API errors as RFC 9457 problem documents."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what REST framework raises into `application/problem+json`."""
    response = exception_handler(error, context)
    if response is None:
        return None
    detail = response.data
    title = detail.get("detail") if isinstance(detail, dict) else None
    response.data = {
        "type": "about:blank",
        "title": str(title or "The request is not valid."),
        "status": response.status_code,
        **({"errors": detail} if title is None else {}),
    }
    response.content_type = "application/problem+json"
    return response
