"""The shapes of recommended products and of feeds, for the API's description."""

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers as s


def _items(name: str) -> s.BaseSerializer[object]:
    return inline_serializer(
        f"{name}Item",
        {
            "product_id": s.CharField(),
            "name": s.CharField(),
            "url": s.CharField(),
            "image_url": s.CharField(),
            "price": s.CharField(),
            "currency": s.CharField(),
            "category": s.CharField(),
            "score": s.FloatField(),
            "reason": inline_serializer(
                f"{name}Reason",
                {
                    "kind": s.CharField(help_text="The strategy that found it."),
                    "text": s.CharField(),
                    "because_of": s.CharField(
                        allow_null=True,
                        help_text="The product without which this one would not be there.",
                    ),
                },
            ),
        },
        many=True,
    )


RECOMMENDATIONS = inline_serializer(
    "Recommendations",
    {
        "decision_id": s.UUIDField(
            allow_null=True, help_text="The name of the receipt; null where nobody is known."
        ),
        "items": _items("Recommended"),
        "strategy": s.CharField(help_text="The strategy or chain that was asked."),
        "fallback": s.BooleanField(help_text="Nobody is known, or there is nothing to show."),
        "permission": inline_serializer(
            "RecommendedPermission",
            {"may_send": s.BooleanField(), "may_profile": s.BooleanField()},
        ),
        "reasons": inline_serializer(
            "RecommendedWhy",
            {
                "kind": s.ChoiceField(choices=["fallback", "empty"]),
                "code": s.CharField(),
                "text": s.CharField(),
            },
            many=True,
        ),
    },
)
FEED = inline_serializer(
    "Feed", {"feed": s.CharField(), "name": s.CharField(), "items": _items("Feed")}
)
