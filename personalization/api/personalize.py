"""Decide at send time: one slot for one person, or many slots for many people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.views import APIView

from consent.api.authentication import CallerAuthentication, HasScope
from consent.models import ApiKey
from personalization.api import asked, caching, decision_examples, decision_schemas
from personalization.serving import decide
from personalization.serving.answer import Answer
from personalization.serving.deadline import Budget
from personalization.serving.question import Question

FALLBACK = "X-Personalization"


class NotSetUp(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "No send-time slot is set up."


class DecideView(APIView):
    """For programs whose key may ask for content."""

    parser_classes = [JSONParser]
    authentication_classes = [CallerAuthentication]
    permission_classes = [HasScope]
    scope = ApiKey.Scope.DECIDE


class One(DecideView):
    @extend_schema(
        operation_id="personalize_one",
        summary="What one slot says to one person",
        description="Always an answer: whoever nobody knows gets the slot's fallback, with the "
        "reason. The same message, person and slot give the same decision and the same bytes "
        "until `expires_at`.",
        tags=["Decisions"],
        parameters=[
            *decision_schemas.PERSON,
            OpenApiParameter("message", description="The mail that is made: a campaign's or "
                             "message's key. All its parts and retries get one decision."),
            OpenApiParameter("explain", int, enum=[0, 1], description="1: also every rule asked."),
            OpenApiParameter("strict", int, enum=[0, 1], description="1: 404 if unknown."),
            *decision_schemas.PLACE,
        ],
        responses=decision_schemas.answers(decision_schemas.DECISION, 304, 400, 401, 403, 404, 503),
        examples=[decision_examples.DECISION, decision_examples.FALLBACK],
    )  # fmt: skip
    def get(self, request: Request, slot: str) -> HttpResponse:
        question = asked.one(request, slot=slot)
        now = timezone.now()
        [[answer]] = _decided(question, now=now)
        if question.is_strict and _is_unknown(answer):
            raise NotFound(_NOBODY)
        return _one(answer, request=request, now=now)


class Many(DecideView):
    @extend_schema(
        operation_id="personalize_many",
        summary="What several slots say to many people",
        description="At most 1,000 recipients and 10 slots. The results come in the order of the "
        "recipients; what is wrong with one recipient is an `error` of its result only; with "
        "`strict` that nobody is known, too.",
        tags=["Decisions"],
        request=decision_schemas.QUESTION,
        responses=decision_schemas.answers(decision_schemas.DECISIONS, 400, 401, 403, 413, 503),
        examples=[decision_examples.QUESTION, decision_examples.DECISIONS],
    )
    def post(self, request: Request) -> HttpResponse:
        question, faults = asked.many(request)
        decided = _decided(question, now=timezone.now()) if question.recipients else []
        rest = iter(decided)
        results = [
            _error(fault, status=400) if fault else _result(next(rest), question=question)
            for fault in faults
        ]
        response = HttpResponse(orjson.dumps({"results": results}), content_type="application/json")
        response["Cache-Control"] = "no-store"
        if any(answer.is_fallback_forced for answers in decided for answer in answers):
            response[FALLBACK] = "fallback"
        return response


def _decided(question: Question, *, now: datetime) -> list[list[Answer]]:
    try:
        return decide.decide(question, now=now, budget=Budget(settings.ATTUNE_DECIDE_SECONDS))
    except decide.NoSlots as error:
        raise NotSetUp(str(error)) from error


_NOBODY = "Nobody is known by this name."


def _result(answers: Sequence[Answer], *, question: Question) -> dict[str, object]:
    if question.is_strict and any(map(_is_unknown, answers)):
        return _error(_NOBODY, status=404)
    return {"slots": {answer.body["slot"]: answer.body for answer in answers}}


def _error(title: str, *, status: int) -> dict[str, object]:
    return {"error": {"title": title, "status": status}}


def _one(answer: Answer, *, request: Request, now: datetime) -> HttpResponse:
    left = max(int((answer.expires_at - now).total_seconds()), 0)
    response = caching.private(orjson.dumps(answer.body), request=request, seconds=left)
    if answer.is_fallback_forced:
        response[FALLBACK] = "fallback"
    return response


def _is_unknown(answer: Answer) -> bool:
    reasons: list[dict[str, Any]] = answer.body["reasons"]
    return reasons[0].get("code") == "unknown_person"
