"""Purposes: what data may be used for, in the words the customer reads."""

from typing import Any

from django.contrib.admin import display, register
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent.admin.base import PageAdmin
from consent.admin.look import chip, figure, two_lines
from consent.models import Purpose


@register(Purpose)
class PurposeAdmin(PageAdmin[Purpose]):
    list_display = ("named", "ground", "granted", "refused", "kept")
    fields = (
        "code",
        "name",
        "description",
        ("basis", "is_explicit"),
        ("notice_version", "retention_days"),
    )
    actions = None
    empty_state = {
        "icon": "gavel",
        "title": "No purposes yet",
        "text": "A purpose says what data is used for. Fields, events and campaigns name theirs, "
        "and nothing is used without it.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Purpose]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                granted_count=Count("states", filter=Q(states__is_granted=True)),
                refused_count=Count("states", filter=Q(states__is_granted=False)),
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Purpose | None = None) -> Any:
        """The ledger names a purpose by its code, so it stays."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Purpose", ordering="name")
    def named(self, purpose: Purpose) -> SafeString:
        return two_lines(purpose.name, purpose.code)

    @display(description="Legal ground", ordering="basis")
    def ground(self, purpose: Purpose) -> SafeString:
        needs = purpose.basis == Purpose.Basis.CONSENT
        return chip(purpose.get_basis_display(), tone="accent" if needs else "quiet")

    @display(description="Granted", ordering="granted_count")
    def granted(self, purpose: Purpose) -> SafeString:
        return figure(getattr(purpose, "granted_count", None))

    @display(description="Not granted", ordering="refused_count")
    def refused(self, purpose: Purpose) -> SafeString:
        return figure(getattr(purpose, "refused_count", None))

    @display(description="Kept", ordering="retention_days")
    def kept(self, purpose: Purpose) -> SafeString:
        return figure(purpose.retention_days, unit="days")
