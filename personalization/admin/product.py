"""Products: the catalogue that recommendations choose from."""

from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import CappedPaginator, PageAdmin
from consent.admin.look import chip, chips, two_lines
from personalization.admin import product_history
from personalization.admin.filters import CategoryFilter
from personalization.importing import product_store
from personalization.models import Product


@register(Product)
class ProductAdmin(PageAdmin[Product]):
    list_display = ("named", "category", "brand", "cost", "stock")
    list_filter = ("in_stock", "is_active", "is_sensitive", "is_banned", CategoryFilter)
    search_fields = ("name", "product_id", "brand")
    search_help_text = "Search by name, brand or the shop's own id."
    paginator = CappedPaginator
    readonly_fields = ("updated_at", "history")
    fields = (
        ("product_id", "name"),
        ("category", "department", "brand"),
        ("price", "currency"),
        ("in_stock", "stock"),
        ("is_active", "is_sensitive"),
        ("is_banned", "pin"),
        "url",
        "image_url",
        "attributes",
        "updated_at",
        "history",
    )
    empty_state = {
        "icon": "shopping_bag",
        "title": "No products yet",
        "text": "Recommendations come from your catalogue. What is out of stock or switched off "
        "here is never recommended, from the next mail on.",
        "steps": (
            "Load a file under Imports, or let the shop send it (PUT /api/v1/products/).",
            "Load it again when it changed: only what differs is updated.",
        ),
    }

    class Media:
        css = {"all": ("attune/imports.css",)}

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: Any) -> None:
        """A price or stock set by hand belongs to the history like any other."""
        obj.updated_at = now = timezone.now()
        super().save_model(request, obj, form, change)
        if not change or {*form.changed_data} & {*product_store.HISTORY}:
            product_store.note_price(obj, now=now)

    @display(description="Price and stock")
    def history(self, product: Product) -> SafeString:
        return product_history.shown(product)

    @display(description="Product", ordering="name")
    def named(self, product: Product) -> SafeString:
        return two_lines(product.name, product.product_id)

    @display(description="Price", ordering="price")
    def cost(self, product: Product) -> SafeString:
        return format_html(
            '<span class="at-figure">{} {}</span>', f"{product.price:,.2f}", product.currency
        )

    @display(description="Stock", ordering="in_stock")
    def stock(self, product: Product) -> SafeString:
        return chips(
            chip("In stock", tone="good") if product.in_stock else chip("Sold out", tone="bad"),
            SafeString() if product.is_active else chip("Switched off", tone="warn"),
            chip("Sensitive", tone="warn", title="Never recommended")
            if product.is_sensitive
            else SafeString(),
            chip("Banned", tone="bad", title="Never recommended")
            if product.is_banned
            else SafeString(),
            chip(f"Pinned {product.pin}", tone="info") if product.pin else SafeString(),
        )
