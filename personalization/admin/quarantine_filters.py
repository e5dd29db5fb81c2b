"""Filters of the quarantine: by state, reason and age."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from personalization.admin.option_filter import OptionFilter
from personalization.models import InboxEvent

REASONS = 30
_SHOWN_LENGTH = 60
Rows = QuerySet[InboxEvent]


class QuarantineFilter(OptionFilter):
    """What is in quarantine needs somebody; what waits is on its way, and shows when asked for."""

    title = "state"
    parameter_name = "state"
    options = {"quarantined": "In quarantine", "waiting": "Waiting"}

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
