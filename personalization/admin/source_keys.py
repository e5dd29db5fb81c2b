"""Change what a source proves itself with: its write key, its signing secret."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from consent import audit
from consent.admin.base import ModelAdmin, actor
from personalization.admin.source_page import SIGNED
from personalization.models import Source
from personalization.sources import secrets, write_keys

Owner = ModelAdmin[Source]
Page = Callable[[Owner, HttpRequest, Source], HttpResponse]


def bound(page: Page, *, admin: Owner) -> Callable[..., HttpResponse]:
    """Return the view of a page of one source, for those who may change it."""

    @never_cache
    def view(request: HttpRequest, object_id: int) -> HttpResponse:
        source = admin.get_object(request, str(object_id))
        if source is None:
            raise Http404(f"There is no source {object_id}.")
        if not admin.has_change_permission(request, source):
            raise PermissionDenied
        return page(admin, request, source)

    return view


def write_key(admin: Owner, request: HttpRequest, source: Source) -> HttpResponse:
    """GET asks, because pages with the old key fall silent; POST replaces it."""
    if source.kind != Source.Kind.COLLECTOR:
        raise Http404("Only websites and apps have a write key.")
    if request.method != "POST":
        return _show(admin, request, "attune/source_key.html", source=source, title="New write key")
    write_keys.issue(source, actor=actor(request))
    messages.success(request, "The new key works now. Change it wherever the old one stands.")
    return _to_page(source)


def secret(admin: Owner, request: HttpRequest, source: Source) -> HttpResponse:
    """Set the secret that was pasted, or make one and show it this once."""
    if source.kind not in SIGNED:
        raise Http404("Only shops, CRMs and signed webhooks have a signing secret.")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    given = request.POST.get("secret", "").strip()
    try:
        made = secrets.rotate(source, secret=given or None, now=timezone.now())
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
        return _to_page(source)
    audit.note("source.secret.set", actor=actor(request), target=source)
    if given:
        messages.success(request, "The secret is set. The one before it holds for another day.")
        return _to_page(source)
    page = "attune/source_secret.html"
    return _show(admin, request, page, source=source, title="New signing secret", secret=made)


def _show(
    admin: Owner, request: HttpRequest, template: str, *, source: Source, **context: Any
) -> HttpResponse:
    shared = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "source": source,
    }
    return TemplateResponse(request, template, {**shared, **context})


def _to_page(source: Source) -> HttpResponse:
    return redirect("admin:personalization_source_change", source.pk)
