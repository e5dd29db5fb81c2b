"""Send-time slots: the places that mail providers fill by asking us."""

from typing import Any, Final

from django.conf import settings
from django.contrib.admin import display, register
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import ModelForm, PageAdmin
from consent.admin.look import chip, chips, figure, quiet, two_lines
from personalization.models import Exposure, SendTimeSlot
from personalization.offers import stock
from personalization.offers.deciding import offers_of
from personalization.offers.stock import Standing

_SHOWN: Final = "attune_shown"
_CURL = (
    'curl -H "Authorization: Bearer $KEY" \\\n'
    '  "{home}/api/v1/personalize/{slug}?external_id=C-1001&message=spring-sale"'
)


class SlotForm(ModelForm[SendTimeSlot]):
    class Meta:
        model = SendTimeSlot
        fields = (
            "name", "slug", "ruleset", "purpose", "recommendation_count", "ttl_seconds",
            "is_active", "is_default",
        )  # fmt: skip
        labels = {"slug": "Short name", "is_active": "Switched on", "is_default": "Default slot"}

    def clean_is_default(self) -> bool:
        is_default = bool(self.cleaned_data["is_default"])
        others = SendTimeSlot.objects.filter(is_default=True).exclude(pk=self.instance.pk)
        if is_default and (other := others.first()):
            message = f"“{other}” is the default slot: take it from there first."
            self.add_error("is_default", message)
        return is_default


def _standing(each: Standing) -> SafeString:
    left = f"{each.left_in_words} left" if each.left_in_words else "no limit"
    is_gone = each.left == 0
    title = "Readers get what the next rule says." if is_gone else ""
    return chip(f"{each.offer}: {left}", tone="bad" if is_gone else "quiet", title=title)


@register(SendTimeSlot)
class SendTimeSlotAdmin(PageAdmin[SendTimeSlot]):
    form = SlotForm
    list_display = ("named", "decides", "shown", "state")
    list_select_related = ("ruleset__live", "purpose")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("offers", "call")
    fieldsets = (
        ("Slot", {"fields": (("name", "slug"), ("is_active", "is_default"))}),
        ("What it says", {"fields": (("ruleset", "purpose"), "recommendation_count", "offers")}),
        ("How long an answer stands", {"fields": ("ttl_seconds",)}),
        ("How a mail provider asks", {"fields": ("call",)}),
    )
    empty_state = {
        "icon": "api",
        "title": "No send-time slots yet",
        "text": "A mail provider that sends for you can ask for content ten seconds before a send. "
        "A slot is what it asks for; a ruleset decides what it gets.",
        "steps": (
            "Add a slot and choose a ruleset that has a live version.",
            "Make an API key or an OAuth client that may ask for content.",
            "Put the address of the slot into the provider's template.",
        ),
    }

    def get_queryset(self, request: HttpRequest) -> "QuerySet[SendTimeSlot]":
        shown = Exposure.objects.filter(slot=OuterRef("slug")).exclude(message="").order_by()
        count = shown.values("slot").annotate(count=Count("pk")).values("count")
        rows: QuerySet[SendTimeSlot] = super().get_queryset(request)
        return rows.annotate(**{_SHOWN: Coalesce(Subquery(count), 0)})

    def get_readonly_fields(self, request: HttpRequest, obj: SendTimeSlot | None = None) -> Any:
        """Providers have its short name in their templates: it stays."""
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: SendTimeSlot | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    @display(description="Slot", ordering="name")
    def named(self, row: SendTimeSlot) -> SafeString:
        return two_lines(row.name, f"/api/v1/personalize/{row.slug}")

    @display(description="Decided by")
    def decides(self, row: SendTimeSlot) -> SafeString:
        if row.ruleset.live is None:
            return chips(chip("Ruleset is not live", tone="bad"), quiet(row.ruleset.name))
        return quiet(row.ruleset.name)

    @display(description="Messages shown")
    def shown(self, row: SendTimeSlot) -> SafeString:
        return figure(vars(row)[_SHOWN])

    @display(description="State")
    def state(self, row: SendTimeSlot) -> SafeString:
        shown = [chip("Answers", tone="good") if row.is_active else chip("Off", tone="quiet")]
        if row.is_default:
            shown.append(chip("Default", tone="accent"))
        return chips(*shown)

    @display(description="Offers")
    def offers(self, row: SendTimeSlot) -> SafeString:
        """Say what is left of the offers its rules give: an empty pool is to be seen here."""
        live = row.ruleset.live if row.ruleset_id else None
        rules = live.content["rules"] if live else []
        found = stock.standings(offers_of(rule["outcome"] for rule in rules))
        if not found:
            return quiet("Its rules give none.")
        return chips(*map(_standing, found))

    @display(description="Call")
    def call(self, row: SendTimeSlot) -> SafeString:
        if not row.slug:
            return quiet("Shown once the slot is saved.")
        return format_html(
            '<pre class="at-call">{}</pre>', _CURL.format(home=settings.PUBLIC_URL, slug=row.slug)
        )
