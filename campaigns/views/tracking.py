"""The endpoints behind the links of a mail: pixel, click, unsubscribe."""

import base64

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns.models import Link, Send
from campaigns.tracking import machines, record
from campaigns.tracking.tokens import read
from campaigns.tracking.urls import token_key

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@never_cache
@require_safe
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Answer with the same pixel whatever the token says; count the open if it may be counted."""
    found = read(token, kind="open", key=token_key())
    if found is not None:
        record.opened(
            found.send_id, at=timezone.now(), is_machine=_is_machine(request, found.send_id)
        )
    return HttpResponse(PIXEL, content_type="image/gif")


@never_cache
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """Lead to the target the token names; only targets we wrote ourselves exist."""
    found = read(token, kind="click", key=token_key())
    link = Link.objects.filter(pk=found.link_id).first() if found else None
    if found is None or link is None:
        raise Http404("This link is not one of ours, or its campaign is gone.")
    machine = _is_machine(request, found.send_id)
    record.clicked(link, send_id=found.send_id, at=timezone.now(), is_machine=machine)
    response = HttpResponseRedirect(link.url)
    response["Referrer-Policy"] = "no-referrer"
    return response


@csrf_exempt  # RFC 8058: the mailbox provider posts without cookies or a form of ours.
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """POST unsubscribes; GET only shows the page, because scanners follow every link."""
    found = read(token, kind="unsubscribe", key=token_key())
    if found is None:
        return render(request, "campaigns/unsubscribe.html", {"state": "invalid"}, status=404)
    if request.method != "POST":
        return render(request, "campaigns/unsubscribe.html", {"state": "ask"})
    record.unsubscribed(found.send_id, at=timezone.now())
    return render(request, "campaigns/unsubscribe.html", {"state": "done"})


def _is_machine(request: HttpRequest, send_id: int) -> bool:
    sent_at = Send.objects.filter(pk=send_id).values_list("sent_at", flat=True).first()
    return machines.is_machine(
        user_agent=request.headers.get("User-Agent", ""),
        method=request.method or "GET",
        sent_at=sent_at,
        at=timezone.now(),
    )
