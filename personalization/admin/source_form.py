"""The form of a source: what it is, whose customer numbers it speaks of, when to sound alarm."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django import forms

from consent.admin.base import ModelForm
from personalization.models import Source
from personalization.sources import mapping

Kind = Source.Kind
# What a mapping of each kind may say; sources of other kinds have none.
MAPPINGS: Final[Mapping[str, str]] = {
    Kind.COLLECTOR: "Which purposes the categories of your consent banner stand for, as "
    '{"consent": {"marketing": ["profiling", "email_tracking"]}}. Categories named like our '
    "purposes need no mapping.",
    Kind.SHOPIFY: 'The shop and its currency, as {"shop_domain": "my-shop.myshopify.com", '
    '"currency": "EUR"}.',
    Kind.WOOCOMMERCE: "The shop and its currency, as "
    '{"site": "https://shop.example/", "currency": "EUR"}.',
    Kind.HUBSPOT: "Which properties of a contact are which of our fields, as "
    '{"properties": {"lifecyclestage": "stage"}}.',
    Kind.GENERIC: f"What is what in a delivery, by topic, as {json.dumps(mapping.EXAMPLE)}",
}


class SourceForm(ModelForm[Source]):
    class Meta:
        model = Source
        fields = (
            "name", "slug", "kind", "id_space", "stale_after_hours", "is_active", "mapping",
        )  # fmt: skip
        labels = {"slug": "Short name", "is_active": "Switched on"}
        help_texts = {
            "slug": "Stands in addresses and beside every value it gives; it never changes.",
            "is_active": "A source that is off is turned away: nothing of it comes in.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields.get("kind")
        if isinstance(kind, forms.ChoiceField):
            # Attune's own source is made by the program.
            kind.choices = [pair for pair in Kind.choices if pair[0] != Kind.SYSTEM]
            kind.initial = Kind.COLLECTOR
        if "mapping" in self.fields:
            self.fields["mapping"].help_text = MAPPINGS.get(self.instance.kind, "")

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if Source.objects.filter(id_space=slug).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(
                "Another source already counts its customers under this word. Choose another "
                "short name, or its customers would be taken for those of this source."
            )
        return slug

    def clean_mapping(self) -> dict[str, Any]:
        given = self.cleaned_data["mapping"]
        written = {} if given is None else given
        if problems := mapping.problems(self.instance.kind, written):
            raise forms.ValidationError(problems)
        return dict(written)
