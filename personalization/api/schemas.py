"""The shapes of the catalogue API, for its description; bodies are read by plain functions."""

from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers as s

_STATUS = ["created", "updated", "unchanged", "rejected"]
_ACTIONS = ["granted", "refused", "withdrawn", "objected"]


def _text(limit: int, *, help_text: str = "", required: bool = False) -> s.CharField:
    return s.CharField(max_length=limit, required=required, help_text=help_text or None)


PRODUCT = inline_serializer(
    "Product",
    {
        "product_id": _text(100, required=True, help_text="Your own id of the product."),
        "name": _text(300, help_text="Needed for a new product."),
        "price": s.DecimalField(
            max_digits=12,
            decimal_places=2,
            required=False,
            help_text="Needed for a new product.",
        ),
        "currency": _text(3, help_text="ISO 4217, as EUR. Needed for a new product."),
        "category": _text(120),
        "department": _text(120),
        "brand": _text(120),
        "url": s.URLField(max_length=500, required=False),
        "image_url": s.URLField(max_length=500, required=False),
        "in_stock": s.BooleanField(required=False),
        "stock": s.IntegerField(
            min_value=0,
            required=False,
            help_text="Says `in_stock`, too, where that is not given.",
        ),
        "is_active": s.BooleanField(required=False),
        "is_sensitive": s.BooleanField(required=False, help_text="Never recommended."),
    },
    many=True,
)
_CONSENT = inline_serializer(
    "ConsentStatement",
    {
        "purpose": _text(40, required=True),
        "action": s.ChoiceField(choices=_ACTIONS),
        "source": _text(
            60,
            help_text="Form, checkout, contract … Needed to grant a purpose that asks for "
            "explicit consent.",
        ),
        "at": s.DateTimeField(help_text="ISO 8601 with zone."),
    },
    many=True,
    required=False,
)
CUSTOMER = inline_serializer(
    "Customer",
    {
        "external_id": _text(200, help_text="Your own number of the customer."),
        "email": s.EmailField(required=False, help_text="Needed where there is no external_id."),
        "attributes": s.DictField(
            required=False,
            help_text="Registered fields; also first_name, last_name, phone, street.",
        ),
        "consents": _CONSENT,
    },
    many=True,
)
RESULTS = inline_serializer(
    "CatalogueResults",
    {
        "results": inline_serializer(
            "CatalogueResult",
            {
                "index": s.IntegerField(help_text="Place of the item in the call, from 0."),
                "id": s.CharField(allow_null=True),
                "status": s.ChoiceField(choices=_STATUS),
                "errors": inline_serializer(
                    "CatalogueError", {"field": s.CharField(), "reason": s.CharField()}, many=True
                ),
            },
            many=True,
        ),
        "counts": s.DictField(child=s.IntegerField()),
        "left_out": s.ListField(
            child=s.CharField(), help_text="Attributes that nobody registered."
        ),
    },
)
PROBLEM = OpenApiResponse(
    inline_serializer(
        "Problem", {"type": s.CharField(), "title": s.CharField(), "status": s.IntegerField()}
    ),
    description="A problem document (RFC 9457): what is wrong and how to mend it.",
)
