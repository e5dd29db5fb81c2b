"""Webhooks in: verify the raw body, store it once, answer at once; a worker does the rest."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from personalization import tasks
from personalization.sources import reception
from personalization.sources.reception import Answer, Request

Receive = Callable[..., Answer]


@csrf_exempt
@require_POST
def shopify(request: HttpRequest) -> HttpResponse:
    return _answer(request, reception.from_shopify, asked=request.GET.get("source", ""))


@csrf_exempt
@require_POST
def woocommerce(request: HttpRequest) -> HttpResponse:
    return _answer(request, reception.from_woocommerce, asked=request.GET.get("source", ""))


@csrf_exempt
@require_POST
def hubspot(request: HttpRequest) -> HttpResponse:
    return _answer(request, reception.from_hubspot, asked=request.GET.get("source", ""))


@csrf_exempt
@require_POST
def generic(request: HttpRequest, source: str) -> HttpResponse:
    return _answer(request, reception.from_anybody, asked=source)


def _answer(request: HttpRequest, receive: Receive, /, *, asked: str) -> HttpResponse:
    try:
        return _received(request, receive, asked=asked)
    except UnreadablePostError:
        return JsonResponse({"error": "broken_off"}, status=400)
    except OperationalError:
        # Whoever sends webhooks sends them again.
        return JsonResponse({"error": "unavailable"}, status=503, headers={"Retry-After": "60"})


def _received(request: HttpRequest, receive: Receive, /, *, asked: str) -> HttpResponse:
    now: datetime = timezone.now()
    body = request.read(reception.LARGEST_BYTES + 1)
    if len(body) > reception.LARGEST_BYTES:
        answer = reception.TOO_LARGE
    else:
        given = Request(
            method=request.method or "POST",
            body=body,
            headers=request.headers,
            urls=_addresses(request),
            asked=asked,
        )
        answer = receive(given, now=now)
    if answer.is_new:
        # A broker that is down costs nothing: beat looks for waiting deliveries, too.
        transaction.on_commit(_wake, robust=True)
    return JsonResponse(answer.text, status=answer.status)


def _wake() -> None:
    tasks.work_webhooks.apply_async(retry=False)


def _addresses(request: HttpRequest) -> tuple[str, ...]:
    """Return the address as the world writes it and, where no proxy stands between, our own."""
    path = request.get_full_path()
    public = f"{settings.PUBLIC_URL}{path}"
    try:
        return public, request.build_absolute_uri(path)
    except DisallowedHost:
        return (public,)
