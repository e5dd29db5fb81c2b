"""Recommended products for one person at send time, each with why it is there."""

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

from personalization.api import asked, caching, decision_schemas, list_examples, list_schemas
from personalization.api.personalize import FALLBACK, DecideView, NotSetUp
from personalization.recommendations.options import MOST_PRODUCTS
from personalization.serving import suggest
from personalization.serving.deadline import Budget

_LIMIT = 8
_LONGEST_NAME = 80


class Recommendations(DecideView):
    @extend_schema(
        operation_id="recommendations",
        summary="Products for one person",
        description="Made from the person's last events, as far as consents allow. Whoever nobody "
        "knows gets a list that is the same for everybody, with the reason. `because_of` is set "
        "only where the product would not be there without that one. The list has a receipt by the "
        "name of `decision_id` and is given again for a minute.",
        tags=["Decisions"],
        parameters=[
            *decision_schemas.PERSON,
            OpenApiParameter("strategy", description="A strategy or a live chain. Default: "
                             "`because_you_bought`."),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST_PRODUCTS,
                                       "default": _LIMIT}, description="How many, at most."),
            OpenApiParameter("strict", int, enum=[0, 1], description="1: 404 if unknown."),
        ],
        responses=decision_schemas.answers(
            list_schemas.RECOMMENDATIONS, 304, 400, 401, 403, 404, 503
        ),
        examples=[list_examples.RECOMMENDATIONS, list_examples.FOR_NOBODY],
    )  # fmt: skip
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        try:
            found = suggest.suggest(
                asked.person(request),
                source=asked.source_of(request),
                strategy=asked.text(
                    request.query_params.get("strategy", ""), name="strategy", longest=_LONGEST_NAME
                ),
                limit=asked.count(request, "limit", default=_LIMIT, most=MOST_PRODUCTS),
                now=now,
                budget=Budget(settings.ATTUNE_DECIDE_SECONDS),
            )
        except suggest.WrongStrategy as error:
            raise ParseError(str(error)) from error
        except suggest.NotYet as error:
            raise NotSetUp(str(error)) from error
        if found.problem == "unknown_person" and asked.flag(request, "strict"):
            raise NotFound("Nobody is known by this name.")
        left = max(int((found.expires_at - now).total_seconds()), 0)
        response = caching.private(orjson.dumps(found.body), request=request, seconds=left)
        if found.problem:
            response[FALLBACK] = "fallback"
        return response
