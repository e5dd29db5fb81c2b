"""What the pages of our own inside the admin share: finding the row, the frame around them."""

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from consent.admin.base import ModelAdmin

M = TypeVar("M", bound=Model)


def row(admin: ModelAdmin[M], request: HttpRequest, object_id: str) -> M:
    """Return the row a page is about, for who may view it."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    found = admin.get_object(request, object_id)
    if found is None:
        raise Http404(f"There is no {admin.opts.verbose_name} {object_id}.")
    return found


def require(request: HttpRequest, permission: str) -> None:
    """Refuse who lacks a permission of a role, such as `consent.launch_campaigns`."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def show(
    admin: ModelAdmin[Any], request: HttpRequest, template: str, **context: Any
) -> HttpResponse:
    """Render a page with sidebar, header and footer."""
    request.current_app = admin.admin_site.name
    frame = {**admin.admin_site.each_context(request), "opts": admin.opts, "media": admin.media}
    return TemplateResponse(request, template, {**frame, **context})
