"""The shapes of send-time answers, for the API's description."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers as s

from personalization.api.schemas import PROBLEM

_OFFER = ("slug", "name", "code", "value", "valid_from", "valid_until")
_REASONS = ("rule", "fallback", "offer_withheld", "recommendation", "empty")
_PROBLEM_JSON = "application/problem+json"
SOURCE = OpenApiParameter(
    "source", description="Whose customer numbers these are. Default: the program's, else `api`."
)
PERSON = [
    OpenApiParameter("external_id", description="The person's number at the source."),
    OpenApiParameter("anonymous_id", description="The id of a browser."),
    OpenApiParameter("token", description="A name that tells nothing, from the profile call."),
    SOURCE,
]
PLACE = [
    OpenApiParameter("ip", description="Checked, not used yet."),
    OpenApiParameter("lat", float, description="Checked, not used yet."),
    OpenApiParameter("lon", float, description="Checked, not used yet."),
]


def answers(shape: Any, *codes: int, success: int = 200) -> dict[Any, Any]:
    """Return the responses of a call: its answer, and the problems it may say."""
    found: dict[Any, Any] = {success: shape}
    for code in codes:
        if code == 304:
            found[code] = OpenApiResponse(description="Nothing changed since this ETag.")
        else:
            found[code, _PROBLEM_JSON] = PROBLEM
    return found


def _item_fields() -> dict[str, s.Field[Any, Any, Any, Any]]:
    return {
        "product_id": s.CharField(),
        "name": s.CharField(),
        "url": s.CharField(),
        "image_url": s.CharField(),
        "price": s.CharField(),
        "currency": s.CharField(),
        "category": s.CharField(required=False),
    }


def _decision_fields() -> dict[str, s.Field[Any, Any, Any, Any]]:
    return {
        "decision_id": s.UUIDField(),
        "slot": s.CharField(),
        "block": s.CharField(),
        "variant": s.CharField(),
        "language": s.CharField(
            allow_blank=True, help_text="Of the texts; empty where they are the same for all."
        ),
        "fallback": s.BooleanField(help_text="No rule applied, or nobody is known."),
        "content": inline_serializer(
            "DecisionContent",
            {
                "title": s.CharField(),
                "items": inline_serializer(
                    "DecisionItem", {**_item_fields(), "reason": s.CharField()}, many=True
                ),
                "offer": inline_serializer(
                    "DecisionOffer",
                    {name: s.CharField(allow_blank=True) for name in _OFFER},
                    required=False,
                ),
            },
        ),
        "html": s.CharField(),
        "text": s.CharField(),
        "permission": inline_serializer(
            "DecisionPermission", {"may_send": s.BooleanField(), "may_profile": s.BooleanField()}
        ),
        "expires_at": s.DateTimeField(),
        "reasons": inline_serializer(
            "DecisionReason",
            {
                "kind": s.ChoiceField(choices=_REASONS),
                "text": s.CharField(),
                "code": s.CharField(required=False),
                "ruleset": s.CharField(required=False),
                "version": s.IntegerField(required=False),
                "rule": s.CharField(required=False),
                "offer": s.CharField(required=False),
                "product_id": s.CharField(required=False),
                "strategy": s.CharField(required=False),
            },
            many=True,
        ),
        "explain": s.DictField(required=False),
    }


DECISION = inline_serializer("Decision", _decision_fields())
DECISIONS = inline_serializer(
    "Decisions",
    {
        "results": inline_serializer(
            "DecisionResult",
            {
                "slots": s.DictField(child=type(DECISION)(), required=False),
                "error": inline_serializer(
                    "DecisionError",
                    {"title": s.CharField(), "status": s.IntegerField()},
                    required=False,
                ),
            },
            many=True,
        )
    },
)
QUESTION = inline_serializer(
    "Question",
    {
        "recipients": inline_serializer(
            "Recipient",
            {
                "external_id": s.CharField(max_length=200, required=False),
                "anonymous_id": s.CharField(max_length=200, required=False),
                "email": s.CharField(max_length=200, required=False),
                "token": s.CharField(max_length=200, required=False),
            },
            many=True,
        ),
        "slots": s.ListField(child=s.CharField(max_length=80), min_length=1, max_length=10),
        "message": s.CharField(max_length=120, required=False),
        "source": s.CharField(max_length=50, required=False),
        "context": inline_serializer(
            "QuestionContext",
            {
                "ip": s.CharField(required=False),
                "lat": s.FloatField(required=False, min_value=-90, max_value=90),
                "lon": s.FloatField(required=False, min_value=-180, max_value=180),
            },
            required=False,
        ),
        "explain": s.BooleanField(required=False),
        "strict": s.BooleanField(
            required=False, help_text="An `error` (404) for whom nobody knows, not the fallback."
        ),
    },
)
