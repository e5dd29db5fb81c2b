"""Offers: what they are worth, how often they are given at most, and the codes of their pools."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.admin import display, register
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import ChangeList, ModelForm, PageAdmin
from consent.admin.look import Tone, bar, chip, chips, figure, quiet, two_lines, when
from personalization.admin import offer_codes
from personalization.models import Offer
from personalization.offers import stock
from personalization.offers.stock import Standing
from personalization.offers.terms import value_of

# What a page of the list carries on its rows, counted for all rows at once.
STANDING: Final = "attune_standing"
KIND_TONES: Mapping[str, Tone] = {"plain": "quiet", "static": "info", "pool": "accent"}


class OfferList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Offer] = list(self.result_list)
        for each in stock.of(rows):
            setattr(each.offer, STANDING, each)
        self.result_list = rows


class OfferForm(ModelForm[Offer]):
    class Meta:
        model = Offer
        fields = (
            "name", "slug", "kind", "code", "value", "unit", "currency", "valid_from",
            "valid_until", "per_person", "per_person_days", "total", "is_active",
        )  # fmt: skip
        labels = {
            "slug": "Short name",
            "is_active": "Switched on",
            "per_person": "One person gets it at most … times",
            "per_person_days": "within … days",
            "total": "All people together at most … times",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_money = cleaned.get("unit") == Offer.Unit.AMOUNT and cleaned.get("value") is not None
        if is_money and not str(cleaned.get("currency") or "").isalpha():
            self.add_error("currency", "An amount needs its currency: three letters, as EUR.")
        return cleaned


@register(Offer)
class OfferAdmin(PageAdmin[Offer]):
    form = OfferForm
    change_form_template = "attune/offer.html"
    list_display = ("named", "kind_shown", "worth", "valid", "given", "left")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    actions = None
    fieldsets = (
        ("Offer", {"fields": (("name", "slug"), ("kind", "code"), "is_active")}),
        ("Worth", {"fields": (("value", "unit"), "currency")}),
        ("When it is given", {"fields": ("valid_from", "valid_until")}),
        ("How often at most", {"fields": (("per_person", "per_person_days"), "total")}),
    )
    empty_state = {
        "icon": "sell",
        "title": "No offers yet",
        "text": "An offer is what a rule can add to its content: a voucher, free delivery, a code "
        "of its own for each reader. Its limits hold however many mails go out at once.",
        "steps": (
            "Add an offer: what it is worth, until when, how often at most.",
            "For codes of their own, add them to its pool: one a line, from a file or pasted.",
            "Choose it in a rule, and print it with {{ offer.code }} in the block.",
        ),
    }

    class Media:
        css = {"all": ("attune/editors.css", "attune/imports.css", "attune/rules.css")}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OfferList

    def get_readonly_fields(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        """Rules name it by its short name, and codes of a pool belong to it: both stay."""
        return ("slug", "kind") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        """Only the one code for everybody is written here."""
        if obj is None or obj.kind == Offer.Kind.STATIC:
            return self.fieldsets
        first = {"fields": (("name", "slug"), ("kind", "is_active"))}
        return (("Offer", first), *self.fieldsets[1:])

    def get_prepopulated_fields(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: Offer | None = None) -> bool:
        """Receipts name offers, and given codes stay known: it is switched off instead."""
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.codes_view)
        own = path("<int:object_id>/codes/", view, name="personalization_offer_codes")
        return [own, *super().get_urls()]

    def codes_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return offer_codes.page(self, request, object_id)

    def response_add(
        self, request: HttpRequest, obj: Offer, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A pool begins with its codes."""
        if obj.kind == Offer.Kind.POOL and "_save" in request.POST:
            return redirect("admin:personalization_offer_codes", obj.pk)
        return super().response_add(request, obj, post_url_continue)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        offer = self.get_object(request, object_id)
        found: dict[str, Any] = {}
        if offer is not None and self.has_view_permission(request, offer):
            (standing,) = stock.of([offer])
            rulesets = offer_codes.rulesets_of(offer)
            found = {"standing": standing, "rulesets": rulesets}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **found})

    @display(description="Offer", ordering="name")
    def named(self, offer: Offer) -> SafeString:
        return two_lines(offer.name, offer.slug)

    @display(description="Kind", ordering="kind")
    def kind_shown(self, offer: Offer) -> SafeString:
        kind = chip(offer.get_kind_display(), tone=KIND_TONES[offer.kind])
        return chips(kind, SafeString() if offer.is_active else chip("Off", tone="warn"))

    @display(description="Worth")
    def worth(self, offer: Offer) -> SafeString:
        return format_html("{}", value_of(offer)) if offer.value is not None else quiet("–")

    @display(description="Given until", ordering="valid_until")
    def valid(self, offer: Offer) -> SafeString:
        return when(offer.valid_until) if offer.valid_until else quiet("no end")

    @display(description="Given")
    def given(self, offer: Offer) -> SafeString:
        standing: Standing = vars(offer)[STANDING]
        given, total = standing.stock.given, offer.total
        if total is None:
            return figure(given)
        return bar(min(100, round(100 * given / total)), text=f"{given:,} of {total:,}")

    @display(description="Codes left")
    def left(self, offer: Offer) -> SafeString:
        standing: Standing = vars(offer)[STANDING]
        if not standing.is_pool:
            return quiet("–")
        free = standing.stock.free
        return figure(free) if free else chip("No codes left", tone="warn")
