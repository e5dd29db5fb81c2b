"""Answers to editors while one types: what a condition holds, what a content looks like."""

from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone

from personalization.profiles import people
from personalization.segments.preview import preview
from personalization.versions import Problem


def condition(request: HttpRequest) -> JsonResponse:
    """Try the condition in the body; a sample of people is masked for who may not see them."""
    # Rules hold conditions, too, so who may see either may try one.
    allowed = ("personalization.view_segment", "personalization.view_ruleset")
    if not any(request.user.has_perm(permission) for permission in allowed):
        raise PermissionDenied
    body = read(request)
    found = preview(body.get("tree"), now=timezone.now())
    may_see = request.user.has_perm("personalization.view_customerprofile")
    return JsonResponse(
        {
            "sentence": found.sentence,
            "count": found.count,
            "total": found.total,
            "sample": _sample(found.sample) if may_see else [],
            "problems": problems(found.problems),
        }
    )


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


def _sample(subject_ids: tuple[int, ...]) -> list[dict[str, str]]:
    """Always masked: names in an answer to a script would be seen by nobody's audit."""
    found = people.of(subject_ids, in_clear=False)
    return [
        {
            "title": found[pk].title,
            "url": reverse("admin:personalization_customerprofile_change", args=[pk]),
        }
        for pk in subject_ids
        if pk in found
    ]
