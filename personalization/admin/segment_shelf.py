"""The filter of segments: those in use, or those put away."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from personalization.models import Segment


class ShelfFilter(SimpleListFilter):
    """What is archived shows only when asked for."""

    title = "archive"
    parameter_name = "archived"
    options = {"no": "Not archived", "yes": "Archived"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    def value(self) -> str:
        chosen = super().value()
        return chosen if chosen in self.options else "no"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.options.items():
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        return queryset.filter(is_archived=self.value() == "yes")
