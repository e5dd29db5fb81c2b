"""The field catalogue: what may be kept on a customer, what for, and how much of it is there."""

from datetime import timedelta
from typing import Any, Final

from django.contrib.admin import display, register
from django.db.transaction import on_commit
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from consent.admin.base import ChangeList, PageAdmin
from consent.admin.look import chip, chips, two_lines
from personalization.admin.field_form import PARTS, FieldForm
from personalization.models import Field
from personalization.profiles import coverage
from personalization.profiles.coverage import Filled
from personalization.tasks import recompute_traits
from personalization.traits import definition
from personalization.traits.formulas import FORMULAS

# What a row of the list carries, loaded for all rows at once.
FILLED: Final = "attune_filled"


class FieldList(ChangeList):
    """Looks at once how much of every listed field is there: one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Field] = list(self.result_list)
        found = coverage.filled(now=timezone.now())
        for row in rows:
            setattr(row, FILLED, found.get(row.path))
        self.result_list = rows


@register(Field)
class FieldAdmin(PageAdmin[Field]):
    form = FieldForm
    list_display = ("named", "typed", "made_of", "purpose_and_time", "filled", "marks")
    list_filter = ("kind", "type", "purpose")
    list_select_related = ("purpose",)
    list_before_template = "attune/fields_unknown.html"
    search_fields = ("name", "label")
    actions = None
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "name"),
                    ("label", "unit"),
                    ("type", "purpose"),
                    ("is_sensitive", "retention_days"),
                    "source",
                )
            },
        ),
        (
            "Computed from events",
            {
                "fields": (("event", "function"), ("property", "days")),
                "description": "For a trait of your own: one figure over one kind of event. "
                "Attune computes it for everybody who allows the purpose, within minutes.",
            },
        ),
    )
    empty_state = {
        "icon": "data_object",
        "title": "No fields yet",
        "text": "Only what stands in the catalogue is kept on a customer, and each field says "
        "what it is for. Without that consent the field is absent, everywhere.",
    }

    class Media:
        css = {"all": ("attune/fields.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FieldList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = {
            "unknown": coverage.unknown() if self.has_view_permission(request) else [],
            "may_register": self.has_add_permission(request),
        }
        return super().changelist_view(request, {**(extra_context or {}), **found})

    def get_fieldsets(self, request: HttpRequest, obj: Field | None = None) -> Any:
        """What Attune computes itself, and what is given, has no definition to show."""
        is_defined = obj is None or bool(obj.definition)
        return self.fieldsets if is_defined else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Field | None = None) -> Any:
        """Conditions name a field by its path and type: both stay."""
        return ("kind", "name", "type") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions that decided name their fields for ever."""
        return False

    def save_model(self, request: HttpRequest, obj: Field, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if obj.definition and {*form.changed_data} & {*PARTS, "purpose", "name"}:
            on_commit(recompute_traits.delay)

    @display(description="Field", ordering="name")
    def named(self, field: Field) -> SafeString:
        return two_lines(field.label, field.path)

    @display(description="Type", ordering="type")
    def typed(self, field: Field) -> SafeString:
        return two_lines(field.get_type_display(), field.unit or " ")

    @display(description="Comes from", ordering="source")
    def made_of(self, field: Field) -> SafeString:
        if field.definition:
            return two_lines("Computed from events", _sentence(field))
        formula = FORMULAS.get(field.name) if field.kind == Field.Kind.TRAIT else None
        source = field.source[:1].upper() + field.source[1:] or "–"
        return two_lines(source, formula.text if formula else " ")

    @display(description="Kept for", ordering="purpose")
    def purpose_and_time(self, field: Field) -> SafeString:
        days = field.retention_days or field.purpose.retention_days
        return two_lines(field.purpose.name, f"for {days:,} days")

    @display(description="Filled, age")
    def filled(self, field: Field) -> SafeString:
        """Of how many customers it is known; half of the values are younger than the age."""
        found: Filled | None = getattr(field, FILLED, None)
        if found is None:
            return two_lines("0 %", " ")
        share = f"{found.share:.0%}".replace("%", " %")
        return two_lines(share, "" if found.age is None else _ago(found.age))

    @display(description="")
    def marks(self, field: Field) -> SafeString:
        return chips(
            chip("Your own", tone="accent", title="A trait that was defined here")
            if field.definition
            else SafeString(),
            chip("Sensitive", tone="bad", title="Never used to choose content")
            if field.is_sensitive
            else SafeString(),
            chip("Identifies", tone="warn", title="Sealed; shown in a mail, never used to choose")
            if field.is_personal
            else SafeString(),
        )


def _sentence(field: Field) -> str:
    given = {"name": field.name, "type_": field.type, "purpose": field.purpose_id}
    return definition.parse(field.definition, **given).sentence


def _ago(age: timedelta) -> str:
    if age < timedelta(hours=2):
        return "under 2 hours"
    if age < timedelta(days=2):
        return f"{age // timedelta(hours=1)} hours"
    return f"{age.days:,} days"
