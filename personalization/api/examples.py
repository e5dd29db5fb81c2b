"""Examples of the catalogue API, for its description."""

from drf_spectacular.utils import OpenApiExample

_PRODUCT = {
    "product_id": "B-17",
    "name": "Hiking boots",
    "category": "boots",
    "brand": "Alpina",
    "price": "129.00",
    "currency": "EUR",
    "url": "https://shop.example/b-17",
    "image_url": "https://shop.example/b-17.jpg",
    "stock": 14,
    "colour": "brown",
}
_CUSTOMER = {
    "external_id": "C-1001",
    "email": "anna@example.com",
    "attributes": {"first_name": "Anna", "country": "DE", "language": "de"},
    "consents": [
        {
            "purpose": "email_marketing",
            "action": "granted",
            "source": "checkout form",
            "at": "2026-11-20T09:30:00+01:00",
        }
    ],
}
PRODUCTS = (
    OpenApiExample("A whole product", value=_PRODUCT, request_only=True),
    OpenApiExample(
        "Only what changed",
        value={"product_id": "B-18", "price": "59.00", "stock": 0},
        request_only=True,
    ),
)
CUSTOMERS = (OpenApiExample("A customer with a consent", value=_CUSTOMER, request_only=True),)
PRODUCT_RESULTS = OpenApiExample(
    "One taken, one refused",
    value={
        "results": [
            {"index": 0, "id": "B-17", "status": "created", "errors": []},
            {
                "index": 1,
                "id": "B-18",
                "status": "rejected",
                "errors": [
                    {
                        "field": "name",
                        "reason": "is missing: a product that is not in the catalogue yet needs it",
                    }
                ],
            },
        ],
        "counts": {"created": 1, "rejected": 1},
        "left_out": [],
    },
    response_only=True,
    status_codes=["200"],
)
CUSTOMER_RESULTS = OpenApiExample(
    "Taken, without an attribute nobody registered",
    value={
        "results": [{"index": 0, "id": "C-1001", "status": "updated", "errors": []}],
        "counts": {"updated": 1},
        "left_out": ["shoe_size"],
    },
    response_only=True,
    status_codes=["200"],
)
