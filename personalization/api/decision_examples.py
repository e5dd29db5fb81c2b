"""Examples of send-time calls, for the API's description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_ITEM = {
    "product_id": "B-17",
    "name": "Hiking boots",
    "url": "https://shop.example/b-17",
    "image_url": "https://shop.example/b-17.jpg",
    "price": "129.00",
    "currency": "EUR",
    "category": "boots",
    "reason": "Because you viewed Trail socks",
}
_DECISION: dict[str, Any] = {
    "decision_id": "1f0c5c2e-8f0b-4a52-9d55-6f6f3ad4b7a1",
    "slot": "hero",
    "block": "hiking-sale",
    "variant": "b",
    "language": "en",
    "fallback": False,
    "content": {"title": "Hiking sale", "items": [_ITEM]},
    "html": "<p>Anna, boots are on sale</p>",
    "text": "Anna, boots are on sale",
    "permission": {"may_send": True, "may_profile": True},
    "expires_at": "2026-11-25T10:05:00Z",
    "reasons": [
        {
            "kind": "rule",
            "rule": "boots",
            "text": "Customers who viewed boots at least 3 times in the last 7 days.",
            "ruleset": "hero-rules",
            "version": 3,
        },
        {
            "kind": "recommendation",
            "product_id": "B-17",
            "strategy": "because_you_viewed",
            "text": "Because you viewed Trail socks",
        },
    ],
}
_FALLBACK: dict[str, Any] = {
    **_DECISION,
    "variant": "general",
    "fallback": True,
    "content": {"title": "The season", "items": []},
    "html": "<p>The season</p>",
    "text": "The season",
    "permission": {"may_send": False, "may_profile": False},
    "reasons": [
        {
            "kind": "fallback",
            "code": "unknown_person",
            "text": "nobody is known by this name",
            "ruleset": "hero-rules",
            "version": 3,
        }
    ],
}
DECISION = OpenApiExample("A rule decided", value=_DECISION, response_only=True)
FALLBACK = OpenApiExample("Nobody is known", value=_FALLBACK, response_only=True)
QUESTION = OpenApiExample(
    "Two people, one slot",
    value={
        "recipients": [{"external_id": "C-1001"}, {"email": "ben@example.com"}],
        "slots": ["hero"],
        "message": "spring-sale",
    },
    request_only=True,
)
DECISIONS = OpenApiExample(
    "In the order of the recipients",
    value={"results": [{"slots": {"hero": _DECISION}}, {"slots": {"hero": _FALLBACK}}]},
    response_only=True,
)
