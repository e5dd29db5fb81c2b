"""Products: the catalogue that recommendations choose from."""

from django.contrib.admin import display, register
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import CappedPaginator, PageAdmin
from consent.admin.look import chip, chips, two_lines
from personalization.admin.filters import CategoryFilter
from personalization.models import Product


@register(Product)
class ProductAdmin(PageAdmin[Product]):
    list_display = ("named", "category", "brand", "cost", "stock")
    list_filter = ("in_stock", "is_active", "is_sensitive", CategoryFilter)
    search_fields = ("name", "product_id", "brand")
    search_help_text = "Search by name, brand or the shop's own id."
    paginator = CappedPaginator
    readonly_fields = ("updated_at",)
    fields = (
        ("product_id", "name"),
        ("category", "department", "brand"),
        ("price", "currency"),
        ("in_stock", "is_active", "is_sensitive"),
        "url",
        "image_url",
        "attributes",
        "updated_at",
    )
    empty_state = {
        "icon": "shopping_bag",
        "title": "No products yet",
        "text": "Recommendations come from your catalogue. What is out of stock or switched off "
        "here is never recommended, from the next mail on.",
        "steps": (
            "Load a file: python manage.py import_products products.csv",
            "Load it again when it changed: only what differs is updated.",
        ),
    }

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
        )
