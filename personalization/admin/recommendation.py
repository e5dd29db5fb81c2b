"""Recommendation models: one row a training, with what it measured."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from consent.admin.base import ReadOnlyAdmin
from consent.admin.look import chip, figure, when
from personalization.models import RecommendationModel


@register(RecommendationModel)
class RecommendationModelAdmin(ReadOnlyAdmin[RecommendationModel]):
    list_display = ("named", "state", "products", "lines", "hit_rate", "trained")
    fields = ("named", "state", "trained", "measured")
    readonly_fields = fields
    ordering = ("-number",)
    empty_state = {
        "icon": "recommend",
        "title": "No model trained yet",
        "text": "A model learns from orders which products go together. Until there is one, "
        "slots show what is popular.",
        "steps": ("Train one: python manage.py train_recommendations",),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecommendationModel]:
        return super().get_queryset(request).defer("payload")

    @display(description="Model", ordering="number")
    def named(self, model: RecommendationModel) -> str:
        return f"Model {model.number}"

    @display(description="State")
    def state(self, model: RecommendationModel) -> SafeString:
        return chip("Live", tone="good") if model.is_live else chip("Retired")

    @display(description="Products")
    def products(self, model: RecommendationModel) -> SafeString:
        return figure(_number(model.metrics, "products"))

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

    @display(description="Measured")
    def measured(self, model: RecommendationModel) -> SafeString:
        cells = format_html_join(
            "",
            '<div class="at-metric"><dt>{}</dt><dd>{}</dd></div>',
            (
                (name.replace("_", " ").capitalize(), _shown(value))
                for name, value in _flat(model.metrics)
            ),
        )
        return format_html('<dl class="at-metrics">{}</dl>', cells)


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in metrics.items():
        label = f"{prefix} {name}".strip()
        found += _flat(value, label) if isinstance(value, Mapping) else [(label, value)]
    return found


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1%}" if 0 < value < 1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _number(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    return value if isinstance(value, int | float) else None
