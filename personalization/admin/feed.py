"""Feeds: lists of products that are the same for everybody, with what each holds now."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib.admin import display, register
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
)

from consent.admin.base import ModelForm, PageAdmin
from consent.admin.look import chip, figure, quiet, two_lines
from personalization.models import Feed, Product
from personalization.recommendations.options import MOST_PRODUCTS
from personalization.serving import feeds

_PRICES = ("price_from", "price_to")


class FeedForm(ModelForm[Feed]):
    strategy = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget,
        help_text="How products are found. Those that need a person are not offered here.",
    )
    categories = forms.MultipleChoiceField(
        required=False,
        label="Only categories",
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="None chosen: all.",
    )
    price_from = forms.DecimalField(
        required=False, min_value=0, widget=UnfoldAdminDecimalFieldWidget
    )
    price_to = forms.DecimalField(required=False, min_value=0, widget=UnfoldAdminDecimalFieldWidget)

    class Meta:
        model = Feed
        fields = ("name", "slug", "strategy", "limit", "max_age", "is_active")
        labels = {"slug": "Short name", "is_active": "Switched on"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = self.instance.parameters
        cast(forms.ChoiceField, self.fields["strategy"]).choices = [*feeds.strategies().items()]
        cast(forms.ChoiceField, self.fields["categories"]).choices = [
            (name, name) for name in _categories(given)
        ]
        self.initial.update({name: given.get(name) for name in ("categories", *_PRICES)})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = (cleaned.get(name) for name in _PRICES)
        if low is not None and high is not None and low > high:
            self.add_error("price_to", "is below “Price from”: nothing could be shown.")
        limits = {name: float(cleaned[name]) for name in _PRICES if cleaned.get(name) is not None}
        if cleaned.get("categories"):
            # Who asks for categories wants more than two products of each.
            limits |= {"categories": cleaned["categories"], "per_category": MOST_PRODUCTS}
        self.instance.parameters = limits
        return cleaned


@register(Feed)
class FeedAdmin(PageAdmin[Feed]):
    form = FeedForm
    list_display = ("named", "strategy", "products", "kept", "state")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("address", "preview")
    fieldsets = (
        ("Feed", {"fields": (("name", "slug"), "is_active")}),
        ("What it holds", {"fields": (("strategy", "limit"), "categories", _PRICES)}),
        ("How long it may be kept", {"fields": ("max_age",)}),
        ("What it holds now", {"fields": ("address", "preview")}),
    )
    empty_state = {
        "icon": "rss_feed",
        "title": "No feeds yet",
        "text": "A feed is a list of products that is the same for everybody, as “New this week”. "
        "Mail providers, apps and websites read it without a key, and proxies may keep it.",
        "steps": (
            "Add a feed and choose how its products are found.",
            "Look at what it holds now.",
            "Put its address where the list is to be shown.",
        ),
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Feed | None = None) -> Any:
        """Others have its address in their templates: it stays."""
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Feed | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    @display(description="Feed", ordering="name")
    def named(self, row: Feed) -> SafeString:
        return two_lines(row.name, f"/api/v1/feeds/{row.slug}.json")

    @display(description="Products")
    def products(self, row: Feed) -> SafeString:
        return figure(row.limit)

    @display(description="Good for")
    def kept(self, row: Feed) -> SafeString:
        return figure(row.max_age, unit="s")

    @display(description="State")
    def state(self, row: Feed) -> SafeString:
        return chip("Answers", tone="good") if row.is_active else chip("Off", tone="quiet")

    @display(description="Address")
    def address(self, row: Feed) -> SafeString:
        if not row.slug:
            return quiet("Shown once the feed is saved.")
        url = f"{settings.PUBLIC_URL}/api/v1/feeds/{row.slug}.json"
        return format_html('<a href="{0}">{0}</a>', url)

    @display(description="Preview")
    def preview(self, row: Feed) -> SafeString:
        if not row.slug:
            return quiet("Shown once the feed is saved.")
        held = feeds.body(row, now=timezone.now())["items"]
        if not held:
            return quiet("Nothing: no product in stock meets these limits.")
        lines = [
            (
                item["name"],
                item["category"],
                item["price"],
                item["currency"],
                item["reason"]["text"],
            )
            for item in held
        ]
        return format_html(
            '<ol class="at-feed">{}</ol>',
            format_html_join(
                "",
                "<li><strong>{}</strong><span>{}</span><b>{} {}</b><span>{}</span></li>",
                lines,
            ),
        )


def _categories(given: dict[str, Any]) -> list[str]:
    """Return what can be chosen; what was chosen once stays to choose."""
    names = Product.objects.filter(is_active=True).exclude(category="").order_by("category")
    return sorted(
        {*names.values_list("category", flat=True).distinct(), *given.get("categories", [])}
    )
