"""Filters of the quarantine: by state, reason and age."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from personalization.models import InboxEvent

REASONS = 30
_SHOWN_LENGTH = 60
Rows = QuerySet[InboxEvent]


class QuarantineFilter(SimpleListFilter):
    """What is in quarantine needs somebody; what waits is on its way, and shows when asked for."""

    title = "state"
    parameter_name = "state"
    options = {"quarantined": "In quarantine", "waiting": "Waiting"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.options.items())

    def value(self) -> str:
        chosen = super().value()
        return chosen if chosen in self.options else "quarantined"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.options.items():
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() == "waiting":
            return queryset.filter(quarantined_at=None)
        return queryset.exclude(quarantined_at=None)


class ReasonFilter(SimpleListFilter):
    """The most frequent reasons, each with its count."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = (
            InboxEvent.objects.exclude(quarantined_at=None)
            .order_by()
            .values_list("reason")
            .annotate(size=Count("pk"))
            .order_by("-size", "reason")[:REASONS]
        )
        return [(reason, f"{_short(reason)} ({size:,})") for reason, size in found]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class AgeFilter(SimpleListFilter):
    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Over a day"), ("7", "Over a week"), ("30", "Over a month")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        chosen = self.value()
        if chosen not in ("1", "7", "30"):
            return queryset
        return queryset.filter(received_at__lt=timezone.now() - timedelta(days=int(chosen)))


def _short(reason: str) -> str:
    return reason if len(reason) <= _SHOWN_LENGTH else f"{reason[: _SHOWN_LENGTH - 1]}…"
