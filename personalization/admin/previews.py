"""What every editor asks while one types: a JSON object in, what is wrong where out."""

from typing import Any

import orjson
from django.http import HttpRequest

from personalization.versions import Problem


def read(request: HttpRequest) -> dict[str, Any]:
    """Read a JSON object from a request; anything else is an empty one, which gets an answer."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def problems(found: tuple[Problem, ...] | list[Problem]) -> list[dict[str, Any]]:
    return [
        {"path": each.path, "message": each.message, "line": each.line, "column": each.column}
        for each in found
    ]
