"""Filters of lists that would be too long, or too slow, without them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from personalization.models import Event, Product
from personalization.profiles import catalogue

CATEGORIES = 60


class CategoryFilter(SimpleListFilter):
    """The largest categories; a catalogue can have hundreds."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        largest = (
            Product.objects.exclude(category="")
            .order_by()
            .values_list("category")
            .annotate(size=Count("pk"))
            .order_by("-size")[:CATEGORIES]
        )
        return sorted((name, name) for name, _ in largest)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class PeriodFilter(SimpleListFilter):
    """How far back a list of events looks; the whole table only when asked for."""

    title = "time"
    parameter_name = "days"
    default = "30"
    options = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days", "365": "Last year"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    def value(self) -> str:
        chosen = super().value()
        return chosen if chosen in self.options else self.default

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.options.items():
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        since = timezone.now() - timedelta(days=int(self.value()))
        return queryset.filter(occurred_at__gte=since)


class NameFilter(SimpleListFilter):
    """Events by name; the names are those that were ever seen, not a scan of the table."""

    title = "event"
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in catalogue.load().events]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(name=self.value()) if self.value() else queryset
