"""API keys: made for one program each, shown once, revoked when nobody should use them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import action, display, helpers, register
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from consent import keys
from consent.admin.base import ReadOnlyAdmin, actor
from consent.admin.look import chip, chips, quiet, two_lines, when
from consent.models import ApiKey


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="Who uses it: the shop's backend, the mail provider …",
        widget=forms.TextInput(attrs={"class": "at-input"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=ApiKey.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    source = forms.SlugField(
        required=False,
        max_length=50,
        label="Customer numbers are those of",
        help_text="Short name of a source, as “shop”. Empty: the program counts for itself.",
        widget=forms.TextInput(attrs={"class": "at-input"}),
    )
    expires_at = forms.DateTimeField(
        required=False,
        label="Holds until",
        help_text="UTC. Empty: until it is revoked.",
        widget=forms.DateTimeInput(
            attrs={"class": "at-input", "type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )


@register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    list_display = ("named", "scopes_shown", "state", "used", "made")
    list_select_related = ("created_by",)
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    fields = (
        "name", "prefix", "scopes_shown", "source", "state", "created_by", "created_at",
        "last_used_at", "expires_at", "revoked_at",
    )  # fmt: skip
    readonly_fields = fields
    empty_state = {
        "icon": "key",
        "title": "No API keys yet",
        "text": "A program that brings data in or asks for content shows a key. Each program gets "
        "its own, with only the scopes it needs, so that one can be revoked alone.",
    }

    class Media:
        css = {"all": ("attune/imports.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.add_apikey")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.change_apikey")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a key and show it in the answer itself: it is stored nowhere on the way."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = KeyForm(request.POST or None)
        made = None
        if request.method == "POST" and form.is_valid():
            made = keys.make(**form.cleaned_data, actor=actor(request), now=timezone.now())
        context = {**self._context(request, title="New API key"), "form": form, "made": made}
        answer = TemplateResponse(request, "attune/api_key.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @action(description="Revoke …", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Ask first: programs that use a revoked key stop at once."""
        chosen = list(queryset.filter(revoked_at=None))
        if "sure" not in request.POST:
            context = {
                **self._context(request, title="Revoke API keys"),
                "entries": chosen,
                "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "attune/api_key_revoke.html", context)
        now = timezone.now()
        count = sum(keys.revoke(row, actor=actor(request), now=now) for row in chosen)
        messages.success(request, f"{count} revoked. Programs that use them are refused from now.")
        return None

    def _context(self, request: HttpRequest, *, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "media": self.media,
        }

    @display(description="Key", ordering="name")
    def named(self, row: ApiKey) -> SafeString:
        return two_lines(row.name, f"{row.prefix}…")

    @display(description="May")
    def scopes_shown(self, row: ApiKey) -> SafeString:
        return chips(*(chip(scope) for scope in row.scopes))

    @display(description="State")
    def state(self, row: ApiKey) -> SafeString:
        if row.revoked_at:
            return chip("Revoked", tone="bad")
        if row.expires_at and row.expires_at <= timezone.now():
            return chip("Expired", tone="warn")
        return chip("Holds", tone="good")

    @display(description="Last used", ordering="last_used_at")
    def used(self, row: ApiKey) -> SafeString:
        return when(row.last_used_at)

    @display(description="Made", ordering="created_at")
    def made(self, row: ApiKey) -> SafeString:
        return chips(when(row.created_at), quiet(row.created_by or "the system"))
