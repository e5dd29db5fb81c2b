"""Recommendation models: what each measured, what can be chosen from, a look at one customer."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin import display, register
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from consent import audit
from consent.admin.base import SheetAdmin
from consent.admin.look import chip, figure, when
from personalization.models import Product, RecommendationModel
from personalization.recommendations import chains, look
from personalization.recommendations.strategies.registry import DEFAULT, STRATEGIES

SHOWN_PICKS = 30
TITLES = {"new": "Products new to the person", "all": "All products, repeats included"}


@register(RecommendationModel)
class RecommendationModelAdmin(SheetAdmin[RecommendationModel]):
    change_form_template = "attune/recommendation_model.html"
    list_display = ("named", "state", "products", "covered", "lines", "hit_rate", "trained")
    list_display_links = ("named",)
    ordering = ("-number",)
    empty_state = {
        "icon": "recommend",
        "title": "No model trained yet",
        "text": "A model learns from orders and visits which products go together. Until there is "
        "one, slots show what the catalogue has.",
        "steps": ("Train one: python manage.py train_recommendations",),
    }

    class Media:
        css = {"all": ("attune/sources.css", "attune/recommendations.css")}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecommendationModel]:
        return super().get_queryset(request).defer("payload")

    def page_of(self, request: HttpRequest, row: RecommendationModel) -> dict[str, Any]:
        names = ("products", "lines", "people", "visits")
        return {
            "headline": [
                (name.capitalize(), f"{value:,}")
                for name in names
                if isinstance(value := row.metrics.get(name), int)
            ],
            "measured": [
                (name.replace("_", " ").capitalize(), _shown(value))
                for name, value in row.metrics.items()
                if name not in names[2:] and not isinstance(value, Mapping)
            ],
            "evaluation": _evaluation(row.metrics.get("evaluation")),
            "strategies": [
                {
                    "name": each.name,
                    "label": each.label,
                    "is_personal": each.is_personal,
                    "says": (each.because or each.general).format(
                        cause="…", category="…", detail="city"
                    ),
                }
                for each in STRATEGIES.values()
            ],
            "pinned": Product.objects.filter(pin__isnull=False).order_by("pin")[:SHOWN_PICKS],
            "banned": Product.objects.filter(is_banned=True)[:SHOWN_PICKS],
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.look_view)
        return [
            path("look/", view, name="personalization_recommendationmodel_look"),
            *super().get_urls(),
        ]

    def look_view(self, request: HttpRequest) -> HttpResponse:
        """Show what one customer would see; the number stays out of the address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        number = request.POST.get("number", "").strip()
        strategy = request.POST.get("strategy", DEFAULT)
        found = look.at(number, strategy=strategy, now=timezone.now()) if number else None
        if found is not None:
            detail = {"what": "recommendations", "subject": found.subject_id}
            audit.note("personal_data.view", actor=request.user, detail=detail)
        elif number:
            messages.warning(
                request, "No customer who can be mailed has this number. Check it and try again."
            )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What would a customer see?",
            "media": self.media,
            "number": number,
            "chosen": strategy,
            "choices": chains.labels().items(),
            "found": found,
        }
        return TemplateResponse(request, "attune/recommendation_look.html", context)

    @display(description="Model", ordering="number")
    def named(self, model: RecommendationModel) -> str:
        return f"Model {model.number}"

    @display(description="State")
    def state(self, model: RecommendationModel) -> SafeString:
        return chip("Live", tone="good") if model.is_live else chip("Retired")

    @display(description="Products")
    def products(self, model: RecommendationModel) -> SafeString:
        return figure(_number(model.metrics, "products"))

    @display(description="Linked")
    def covered(self, model: RecommendationModel) -> SafeString:
        """The share of products with neighbours of their own."""
        linked = _number(model.metrics, "products_with_neighbours")
        count = _number(model.metrics, "products")
        return figure(100 * linked / count if linked is not None and count else None, unit="%")

    @display(description="Order lines")
    def lines(self, model: RecommendationModel) -> SafeString:
        return figure(_number(model.metrics, "lines"))

    @display(description="Hit rate, best 20")
    def hit_rate(self, model: RecommendationModel) -> SafeString:
        """How often a held-out order holds one of 20 products recommended before it."""
        rate = _number(model.metrics, "hit_rate_20")
        return figure(None if rate is None else 100 * rate, unit="%", digits=1)

    @display(description="Trained", ordering="trained_at")
    def trained(self, model: RecommendationModel) -> SafeString:
        return when(model.trained_at)


def _evaluation(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not report or not report["people"]:
        return None
    tuned = f", tuned on the {report['days']} days before" if report["tried"] else ""
    return {
        "sentence": f"The first order of {report['people']:,} people within {report['days']} days, "
        f"foretold from what was known before{tuned}.",
        "tables": [
            {
                "title": TITLES[kind],
                "rows": [
                    {
                        **figures,
                        "label": _label(name),
                        "coverage": f"{figures['coverage']:.1%}",
                        "is_ours": name == report["ours"],
                    }
                    for name, figures in sorted(
                        report["tables"][kind].items(), key=lambda pair: -pair[1]["hr_20"]
                    )
                ],
                "difference": _difference(report, kind),
            }
            for kind in TITLES
        ],
    }


def _difference(report: Mapping[str, Any], kind: str) -> str:
    apart = report["difference"][kind]
    return (
        f"{_label(report['ours'])}, less {report['theirs']}: HR@20 {apart['mean']:+.3f}, "
        f"95 % interval {apart['low']:+.3f} to {apart['high']:+.3f}, {apart['people']:,} people."
    )


def _label(name: str) -> str:
    known = STRATEGIES.get(name)
    return known.label if known else name.replace("baseline: ", "Beside it: ")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1%}" if 0 < value < 1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _number(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    return value if isinstance(value, int | float) else None
