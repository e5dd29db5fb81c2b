"""Fill the pool of an offer: codes pasted or from a file, and what of them was refused."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from consent.admin.base import ModelAdmin, actor
from personalization.models import Offer, RuleSet
from personalization.offers import codes, stock
from personalization.offers.deciding import offers_of

Owner = ModelAdmin[Offer]
FILE_BYTES_AT_MOST = 50_000_000


class CodesForm(forms.Form):
    file = forms.FileField(
        label="File",
        required=False,
        widget=forms.ClearableFileInput(attrs={"class": "at-input at-file"}),
    )
    text = forms.CharField(
        label="Codes",
        required=False,
        widget=forms.Textarea(attrs={"class": "at-input at-code", "rows": 10}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if not file and not cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a file or paste codes, one a line.")
        if file and file.size > FILE_BYTES_AT_MOST:
            raise forms.ValidationError("The file is larger than 50 MB: split it.")
        return cleaned

    def lines(self) -> Iterable[str]:
        file: Any = self.cleaned_data.get("file")
        return _lines_of(file) if file else self.cleaned_data["text"].splitlines()


def page(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """GET asks for codes; POST takes them in and says what was refused, by line."""
    offer = admin.get_object(request, str(object_id))
    if offer is None or offer.kind != Offer.Kind.POOL:
        raise Http404(f"there is no pool of an offer {object_id}")
    if not admin.has_change_permission(request, offer):
        raise PermissionDenied
    form = CodesForm(request.POST or None, request.FILES or None)
    taken = None
    if request.method == "POST" and form.is_valid():
        try:
            taken = codes.add(offer, form.lines(), now=timezone.now(), actor=actor(request))
        except UnicodeDecodeError:
            form.add_error("file", "This is no text file in UTF-8: save it as CSV or plain text.")
        else:
            form = CodesForm()
    (standing,) = stock.of([offer])
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": f"Codes of {offer}",
        "offer": offer,
        "form": form,
        "taken": taken,
        "standing": standing,
    }
    return TemplateResponse(request, "attune/offer_codes.html", context)


def rulesets_of(offer: Offer) -> list[RuleSet]:
    """Return the rulesets whose live version gives the offer."""
    live = RuleSet.objects.exclude(live=None).select_related("live")
    return [
        ruleset
        for ruleset in live
        if ruleset.live is not None
        and offer.slug in offers_of(rule["outcome"] for rule in ruleset.live.content["rules"])
    ]


def _lines_of(file: Any) -> Iterator[str]:
    yield from io.TextIOWrapper(file, encoding="utf-8-sig")
