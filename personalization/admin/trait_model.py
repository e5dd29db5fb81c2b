"""What traits were fitted with, in words: cut points, the lifetime model, how wrong it was."""

from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.admin.base import SheetAdmin
from consent.admin.look import figure, quiet, two_lines, when
from personalization.models import TraitModel
from personalization.traits import engagement, wording

TITLES = {
    "rfm": ("RFM cut points", "how recent, how often, how much"),
    "lifetime": ("Lifetime model", "who buys again, and for how much"),
}


@register(TraitModel)
class TraitModelAdmin(SheetAdmin[TraitModel]):
    change_form_template = "attune/trait_model.html"
    list_display = ("named", "people_shown", "error", "fitted")
    list_display_links = ("named",)
    list_filter = ("name",)
    ordering = ("-fitted_at", "-id")
    empty_state = {
        "icon": "psychology",
        "title": "Nothing fitted yet",
        "text": "Some traits compare a customer with all others: RFM scores, the expected value "
        "of a year, the next order. They are fitted every night.",
        "steps": ("Do it now: python manage.py compute_traits",),
    }

    class Media:
        css = {"all": ("attune/sources.css", "attune/fields.css")}

    def page_of(self, request: HttpRequest, row: TraitModel) -> dict[str, Any]:
        held_out = row.metrics.get("held_out") or {}
        is_rfm = row.name == "rfm"
        return {
            "heading": TITLES.get(row.name, (row.name, ""))[0],
            "levels": wording.levels(row.parameters) if is_rfm else [],
            "habits": [] if is_rfm else wording.habits(row.parameters),
            "numbers": [] if is_rfm else _numbers(row.parameters),
            "held_out": held_out,
            "comparison": wording.comparison(held_out),
            "verdict": wording.verdict(held_out),
            "engagement": engagement.FORMULA,
            "points": engagement.points_in_words(),
        }

    @display(description="Fit", ordering="name")
    def named(self, row: TraitModel) -> SafeString:
        return two_lines(*TITLES.get(row.name, (row.name, " ")))

    @display(description="Buyers", ordering="people")
    def people_shown(self, row: TraitModel) -> SafeString:
        return figure(row.people)

    @display(description="Held-out error")
    def error(self, row: TraitModel) -> SafeString:
        """Purchases a person, beside the best simple guess."""
        rows = wording.comparison(row.metrics.get("held_out") or {})
        if not rows:
            return quiet("–")
        ours = next(each for each in rows if each.is_model)
        best = min(each.rmse for each in rows if not each.is_model)
        return two_lines(f"{ours.rmse:.2f}", f"best simple guess {best:.2f}")

    @display(description="Fitted", ordering="fitted_at")
    def fitted(self, row: TraitModel) -> SafeString:
        return when(row.fitted_at)


def _numbers(parameters: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Return the parameters as the papers name and order them."""
    papers = (
        ("BG/NBD", "frequency", ("r", "alpha", "a", "b")),
        ("Gamma-Gamma", "worth", ("p", "q", "gamma")),
    )
    return [
        (paper, name, parameters[part][name])
        for paper, part, names in papers
        if parameters.get(part)
        for name in names
    ]
