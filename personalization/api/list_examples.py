"""Examples of recommended products and of feeds, for the API's description."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_BOOTS: dict[str, Any] = {
    "product_id": "B-17",
    "name": "Hiking boots",
    "url": "https://shop.example/b-17",
    "image_url": "https://shop.example/b-17.jpg",
    "price": "129.00",
    "currency": "EUR",
    "category": "boots",
    "score": 3.4127,
    "reason": {
        "kind": "because_you_viewed",
        "text": "Because you viewed Trail socks",
        "because_of": "S-3",
    },
}
_TRENDING: dict[str, Any] = {
    **_BOOTS,
    "reason": {"kind": "popular", "text": "Popular with our customers", "because_of": None},
}
RECOMMENDATIONS = OpenApiExample(
    "From what she viewed",
    value={
        "decision_id": "7d1f3c52-5a0e-4b2e-9d53-0c6f1f6a2b11",
        "items": [_BOOTS],
        "strategy": "because_you_viewed",
        "fallback": False,
        "permission": {"may_send": True, "may_profile": True},
        "reasons": [],
    },
    response_only=True,
)
FOR_NOBODY = OpenApiExample(
    "Nobody is known",
    value={
        "decision_id": None,
        "items": [_TRENDING],
        "strategy": "because_you_viewed",
        "fallback": True,
        "permission": {"may_send": False, "may_profile": False},
        "reasons": [
            {
                "kind": "fallback",
                "code": "unknown_person",
                "text": "nobody is known by this name",
            }
        ],
    },
    response_only=True,
)
FEED = OpenApiExample(
    "A feed",
    value={"feed": "trending-boots", "name": "Boots of the week", "items": [_TRENDING]},
    response_only=True,
)
