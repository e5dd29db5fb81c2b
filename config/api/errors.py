"""API errors as RFC 9457 problem documents."""

import logging
from typing import Any

from django.db import OperationalError
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

logger = logging.getLogger(__name__)
_RETRY_SECONDS = 5


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database does not answer. Try again in a few seconds."
    # As REST framework hands it on in Retry-After.
    wait = _RETRY_SECONDS


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what REST framework raises into `application/problem+json`."""
    if isinstance(error, OperationalError):
        # Only the kind of error: its text may quote a person.
        logger.warning("the database failed a call", extra={"error": type(error).__name__})
        error = Unavailable()
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
