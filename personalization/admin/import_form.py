"""The forms of an import: a file and what it is; which column is which."""

from collections.abc import Mapping

from django import forms
from django.http import QueryDict

from personalization.importing import intake
from personalization.importing.mapping import KEEP
from personalization.importing.run import DEFAULT_SOURCE
from personalization.models import ImportRun, Source


class UploadForm(forms.Form):
    kind = forms.ChoiceField(
        label="What it holds",
        choices=ImportRun.Kind.choices,
        widget=forms.RadioSelect,
        initial=ImportRun.Kind.CUSTOMERS,
    )
    source_id = forms.ModelChoiceField(
        label="Where it comes from",
        queryset=Source.objects.filter(is_active=True)
        .exclude(kind=Source.Kind.SYSTEM)
        .order_by("name"),
        required=False,
        empty_label="Another place (name it below)",
        widget=forms.Select(attrs={"class": "at-input"}),
        help_text="Customer numbers belong to their source: customers and their events need the "
        "same one.",
    )
    new_source = forms.CharField(
        label="Another place",
        required=False,
        max_length=50,
        widget=forms.TextInput(
            attrs={"class": "at-input", "placeholder": f"as “{DEFAULT_SOURCE}” or “CRM”"}
        ),
    )
    file = forms.FileField(
        label="File", widget=forms.ClearableFileInput(attrs={"class": "at-input at-file"})
    )

    def source(self) -> Source:
        """Return the chosen source; a new one is made."""
        chosen: Source | None = self.cleaned_data["source_id"]
        return chosen or intake.source_named(self.cleaned_data["new_source"])


def chosen_columns(posted: QueryDict) -> Mapping[str, str]:
    """Return the choice of columns: theirs to ours, "" for one that is left out."""
    pairs = zip(posted.getlist("theirs"), posted.getlist("ours"), strict=False)
    return {theirs: theirs if ours == KEEP else ours for theirs, ours in pairs}
