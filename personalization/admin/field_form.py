"""The form of a field: a given attribute, or a trait computed from one kind of event."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget
from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

from consent.admin.base import ModelForm
from personalization.ingest.purposes import use_purpose
from personalization.models import Field
from personalization.traits import definition
from personalization.traits.definition import FUNCTIONS, DefinitionError

PARTS = ("event", "function", "property", "days")
SHOWN = {
    "count": "How many times it happened",
    "days_since": "Days since it happened last",
    "sum": "Sum of a property",
    "avg": "Average of a property",
    "min": "Smallest value of a property",
    "max": "Largest value of a property",
    "first": "First value of a property; without one: when it first happened",
    "last": "Last value of a property; without one: when it last happened",
}


class FieldForm(ModelForm[Field]):
    event = forms.CharField(
        required=False,
        max_length=definition.LONGEST_NAME,
        widget=TextInput(attrs={"placeholder": "Product Viewed"}),
        help_text="Its name as on the page Events.",
    )
    function = forms.ChoiceField(
        required=False,
        choices=[("", "–"), *((name, SHOWN[name]) for name in FUNCTIONS)],
        widget=UnfoldAdminSelectWidget,
        label="What to compute",
    )
    property = forms.CharField(
        required=False,
        max_length=definition.LONGEST_NAME,
        widget=TextInput(attrs={"placeholder": "total"}),
        help_text="A property of the event; “total” is its amount.",
    )
    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=definition.MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget,
        label="In the last … days",
        help_text="Empty: in all events that are kept.",
    )

    class Meta:
        model = Field
        fields = (
            "kind", "name", "label", "type", "unit", "purpose", "is_sensitive", "retention_days",
            "source",
        )  # fmt: skip
        help_texts = {
            "name": "As it stands in files and events, and in rules: letters, digits, _ and -.",
            "unit": "As “days” or “points”; “currency” for money of the shop.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for part in PARTS:
            if part in self.fields:
                self.fields[part].initial = self.instance.definition.get(part)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if PARTS[0] not in self.fields:
            return cleaned  # A page that only shows.
        given = {part: cleaned.get(part) or None for part in PARTS}
        kind = cleaned.get("kind") or self.instance.kind
        if kind == Field.Kind.TRAIT:
            self._clean_trait(given)
        elif any(given.values()):
            self.add_error("kind", "Only a trait is computed from events: choose “Trait (derived)”"
                           ", or empty what stands under “Computed from events”.")  # fmt: skip
        return cleaned

    def _clean_trait(self, given: dict[str, Any]) -> None:
        """A trait is one of ours, or has a definition; it uses events as their purpose allows."""
        if self.instance.pk and not self.instance.definition:
            if any(given.values()):
                self.add_error("event", "This trait is computed by Attune itself. Add a trait of "
                               "your own with another name.")  # fmt: skip
            return
        purpose = self.cleaned_data.get("purpose")
        try:
            aggregate = definition.parse(
                given,
                name=self.cleaned_data.get("name") or self.instance.name,
                type_=self.cleaned_data.get("type") or self.instance.type,
                purpose=purpose.code if purpose else "",
            )
        except DefinitionError as fault:
            part = fault.part if fault.part in self.fields else "function"
            self.add_error(part, str(fault))
            return
        needed = use_purpose(aggregate.event)
        if purpose and purpose.code != needed:
            self.add_error("purpose", f"“{aggregate.event}” may only be used for the purpose "
                           f"“{needed}”: choose that one.")  # fmt: skip
        if self.cleaned_data.get("is_sensitive"):
            self.add_error("is_sensitive", "A sensitive field is given by the person with an "
                           "explicit consent; it cannot be computed.")  # fmt: skip
        self.instance.definition = definition.as_stored(aggregate)
