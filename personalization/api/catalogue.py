"""PUT products and customers: at most 1,000 items a call, a result for each."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent.api.authentication import CallerAuthentication, HasScope, caller_of
from consent.models import ApiKey
from personalization.api import body, examples, schemas
from personalization.importing import catalogue
from personalization.importing.catalogue import Put
from personalization.models import Source

DEFAULT_SOURCE = "api"
_PROBLEM_JSON = "application/problem+json"
_ANSWERS: dict[Any, Any] = {
    200: schemas.RESULTS,
    **{(code, _PROBLEM_JSON): schemas.PROBLEM for code in (400, 401, 403, 413)},
}


class IngestView(APIView):
    """For programs whose key may bring data in; `body` reads what they send."""

    parser_classes = [JSONParser]
    authentication_classes = [CallerAuthentication]
    permission_classes = [HasScope]
    scope = ApiKey.Scope.INGEST


class Products(IngestView):
    @extend_schema(
        operation_id="put_products",
        summary="Make or change products",
        description="Upserts by `product_id`. Fields that are not named stay as they are; fields "
        "we do not know are kept among the product's attributes. A change of price or stock is "
        "noted in its history. Items of the same product are laid over each other in order.",
        tags=["Catalogue"],
        request=schemas.PRODUCT,
        responses=_ANSWERS,
        examples=[*examples.PRODUCTS, examples.PRODUCT_RESULTS],
    )
    def put(self, request: Request) -> Response:
        source = Source.objects.filter(slug=caller_of(request).source).first()
        put = catalogue.put_products(body.items(request), source=source, now=timezone.now())
        return Response(_results(put))


class Customers(IngestView):
    @extend_schema(
        operation_id="put_customers",
        summary="Make or change customers",
        description="Upserts by `external_id`, or by `email` where there is none. Attributes that "
        "are not in the field catalogue are left out and named in `left_out`. Consents go to the "
        "consent ledger as your word: they lift neither an objection nor a suppression.",
        tags=["Catalogue"],
        parameters=[
            OpenApiParameter(
                "source",
                description="Short name of the source whose customer numbers these are. Default: "
                "the source of the key, else `api`.",
            )
        ],
        request=schemas.CUSTOMER,
        responses=_ANSWERS,
        examples=[*examples.CUSTOMERS, examples.CUSTOMER_RESULTS],
    )
    def put(self, request: Request) -> Response:
        put = catalogue.put_customers(
            body.items(request),
            source=_source(request),
            now=timezone.now(),
            evidence={"caller": caller_of(request).id},
        )
        return Response(_results(put))


def _source(request: Request) -> Source:
    slug = request.query_params.get("source") or caller_of(request).source or DEFAULT_SOURCE
    source = Source.objects.filter(slug=slug).first() if slug.isprintable() else None
    if source is None and slug == DEFAULT_SOURCE:
        source, _ = Source.objects.get_or_create(slug=slug, defaults={"name": "API"})
    if source is None or not source.is_active:
        raise ParseError("There is no such source: make it, or switch it on, under Sources.")
    return source


def _results(put: Put) -> dict[str, object]:
    counts: dict[str, int] = {}
    for item in put.items:
        counts[item.status] = counts.get(item.status, 0) + 1
    return {
        "results": [
            {
                "index": item.index,
                "id": item.id,
                "status": item.status,
                "errors": [{"field": f.column, "reason": f.reason} for f in item.faults],
            }
            for item in put.items
        ],
        "counts": counts,
        "left_out": list(put.left_out),
    }
