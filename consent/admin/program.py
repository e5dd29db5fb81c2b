"""What the pages of API keys and OAuth clients share: made with a secret shown once, revoked."""

from typing import Any, ClassVar, Generic, Protocol, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin import action, display, helpers
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from consent.admin.base import ReadOnlyAdmin, actor
from consent.admin.look import chip, chips
from consent.models import ApiKey

M = TypeVar("M", bound=Model)


class ProgramForm(forms.Form):
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


class Made(Protocol):
    """A new row, with the only copy of its secret."""

    @property
    def secret(self) -> str: ...


class ProgramAdmin(ReadOnlyAdmin[M], Generic[M]):
    """`noun` is what one is called; the templates show the secret and ask before revoking."""

    noun: ClassVar[str]
    form_class: ClassVar[type[ProgramForm]] = ProgramForm
    made_template: ClassVar[str]
    actions = ("revoke",)

    class Media:
        css = {"all": ("attune/imports.css",)}

    def make(self, given: dict[str, Any], *, actor: AbstractBaseUser) -> Made:
        raise NotImplementedError(f"{type(self).__name__} does not say how one is made")

    def revoke_one(self, row: M, *, actor: AbstractBaseUser) -> bool:
        raise NotImplementedError(f"{type(self).__name__} does not say how one is revoked")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"consent.add_{self.opts.model_name}")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"consent.change_{self.opts.model_name}")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make one and show its secret in the answer itself: it is stored nowhere on the way."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.form_class(request.POST or None)
        made = None
        if request.method == "POST" and form.is_valid():
            made = self.make(form.cleaned_data, actor=actor(request))
        context = {**self._context(request, title=f"New {self.noun}"), "form": form, "made": made}
        answer = TemplateResponse(request, "attune/program.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @action(description="Revoke …", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[M]") -> HttpResponse | None:
        """Ask first: programs that use a revoked one stop at once."""
        chosen = list(queryset.filter(revoked_at=None))
        if "sure" not in request.POST:
            context = {
                **self._context(request, title=f"Revoke {self.noun}s"),
                "entries": chosen,
                "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "attune/program_revoke.html", context)
        count = sum(self.revoke_one(row, actor=actor(request)) for row in chosen)
        messages.success(request, f"{count} revoked. Programs that use them are refused from now.")
        return None

    def _context(self, request: HttpRequest, *, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "media": self.media,
            "noun": self.noun,
            "made_template": self.made_template,
            "list_url": f"admin:consent_{self.opts.model_name}_changelist",
        }

    @display(description="May")
    def scopes_shown(self, row: Any) -> SafeString:
        return chips(*(chip(scope) for scope in row.scopes))

    @display(description="State")
    def state(self, row: Any) -> SafeString:
        if row.revoked_at:
            return chip("Revoked", tone="bad")
        expires_at = getattr(row, "expires_at", None)
        if expires_at and expires_at <= timezone.now():
            return chip("Expired", tone="warn")
        return chip("Holds", tone="good")
