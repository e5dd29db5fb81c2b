"""Suppressions: addresses nobody mails; an address goes in, only its keyed hash stays."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter, action, display, helpers, register
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from consent import audit, identity, suppression
from consent.admin.base import CappedPaginator, ModelForm, PageAdmin
from consent.admin.look import Tone, chip, two_lines, when
from consent.models import Suppression

TONES: dict[str, Tone] = {"hard_bounce": "bad", "complaint": "bad", "erased": "quiet"}


class ActiveFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("lifted", "Lifted")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Suppression]
    ) -> QuerySet[Suppression]:
        match self.value():
            case "active":
                return queryset.filter(lifted_at=None)
            case "lifted":
                return queryset.exclude(lifted_at=None)
            case _:
                return queryset


class SuppressForm(ModelForm[Suppression]):
    """Takes an address and gives back its hash; the address itself is kept nowhere."""

    address = forms.CharField(
        label="Email address",
        max_length=320,
        widget=forms.TextInput(attrs={"class": "at-input", "autocomplete": "off"}),
        help_text="Only a keyed hash is kept; the address cannot be read back.",
    )

    class Meta:
        model = Suppression
        fields = ("source",)

    def clean_address(self) -> str:
        return identity.suppression_hash(identity.normalise_email(self.cleaned_data["address"]))


@register(Suppression)
class SuppressionAdmin(PageAdmin[Suppression]):
    form = SuppressForm
    list_display = ("entry", "why", "state", "since")
    list_filter = (ActiveFilter, "reason", "source")
    paginator = CappedPaginator
    actions = ("lift",)
    search_fields = ("address_hash",)
    search_help_text = "Search by a whole email address."
    empty_state = {
        "icon": "block",
        "title": "Nobody is suppressed",
        "text": "Hard bounces, complaints and unsubscribes land here by themselves, and no "
        "campaign reaches a listed address again. You can add one by hand.",
    }

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return ("address", "source") if obj is None else self.get_readonly_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        return ("entry", "why", "state", "source", "since") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.change_suppression")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            address = identity.normalise_email(search_term)
        except forms.ValidationError:
            return queryset.none(), False
        return queryset.filter(address_hash=identity.suppression_hash(address)), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: Any) -> None:
        """Suppress through the use case; an address that is listed already stays listed once."""
        address_hash = form.cleaned_data["address"]
        suppression.suppress(
            address_hash=address_hash,
            reason=Suppression.Reason.MANUAL,
            source=form.cleaned_data["source"] or "staff",
            at=timezone.now(),
        )
        kept = Suppression.objects.get(
            address_hash=address_hash, reason=Suppression.Reason.MANUAL, lifted_at=None
        )
        obj.__dict__.update(kept.__dict__)
        audit.note("suppression.add", actor=request.user, target=obj)

    @action(description="Lift: allow mail again …", permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> HttpResponse | None:
        """Ask for the reason first; it is kept, because someone may have to answer for it."""
        if not self.has_lift_permission(request):
            raise PermissionDenied
        why = request.POST.get("why", "").strip()
        chosen = queryset.filter(lifted_at=None).exclude(reason=Suppression.Reason.ERASED)
        if not why:
            return self._ask_why(request, chosen)
        with transaction.atomic():
            entries = list(chosen.select_for_update())
            for entry in entries:
                suppression.lift(entry, actor=request.user, why=why[:200], at=timezone.now())
        messages.success(request, f"{len(entries)} lifted. Mail may go there again with consent.")
        return None

    def _ask_why(self, request: HttpRequest, chosen: QuerySet[Suppression]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Allow mail again",
            "entries": list(chosen),
            "action_name": "lift",
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "attune/lift.html", context)

    @display(description="Address")
    def entry(self, row: Suppression) -> SafeString:
        return two_lines(f"{row.address_hash[:12]}…", row.source or "no source")

    @display(description="Reason", ordering="reason")
    def why(self, row: Suppression) -> SafeString:
        return chip(row.get_reason_display(), tone=TONES.get(row.reason, "warn"))

    @display(description="State", ordering="lifted_at")
    def state(self, row: Suppression) -> SafeString:
        return chip("Lifted") if row.lifted_at else chip("No mail", tone="bad")

    @display(description="Since", ordering="created_at")
    def since(self, row: Suppression) -> SafeString:
        return when(row.created_at)
