"""The field catalogue: what may be kept on a customer, and what for."""

from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.admin.base import PageAdmin
from consent.admin.look import chip, chips, two_lines
from personalization.models import Field


@register(Field)
class FieldAdmin(PageAdmin[Field]):
    list_display = ("named", "kind", "typed", "purpose", "marks", "source")
    list_filter = ("kind", "type", "purpose")
    list_select_related = ("purpose",)
    search_fields = ("name", "label")
    actions = None
    fields = (
        ("kind", "name"),
        ("label", "type", "unit"),
        "purpose",
        ("is_sensitive", "retention_days"),
        "source",
    )
    empty_state = {
        "icon": "data_object",
        "title": "No fields yet",
        "text": "Only what stands in the catalogue is kept on a customer, and each field says "
        "what it is for. Without that consent the field is absent, everywhere.",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Field | None = None) -> Any:
        """Conditions name a field by its path and type: both stay."""
        return ("kind", "name", "type") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions that decided name their fields for ever."""
        return False

    @display(description="Field", ordering="name")
    def named(self, field: Field) -> SafeString:
        return two_lines(field.label, field.path)

    @display(description="Type", ordering="type")
    def typed(self, field: Field) -> str:
        label: str = field.get_type_display()
        return f"{label}, {field.unit}" if field.unit else label

    @display(description="")
    def marks(self, field: Field) -> SafeString:
        return chips(
            chip("Sensitive", tone="bad", title="Never used to choose content")
            if field.is_sensitive
            else SafeString(),
            chip("Identifies", tone="warn", title="Sealed; shown in a mail, never used to choose")
            if field.is_personal
            else SafeString(),
        )
