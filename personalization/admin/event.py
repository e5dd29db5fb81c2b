"""Events, what could not be taken (quarantine), and where both come from."""

import json
from typing import Any

from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import CappedPaginator, PageAdmin, ReadOnlyAdmin
from consent.admin.look import chip, chips, quiet, two_lines, when
from personalization.admin.filters import NameFilter, PeriodFilter, QuarantineFilter
from personalization.models import Event, InboxEvent, Source


@register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    list_display = ("named", "customer", "amount_shown", "marks", "at")
    list_display_links = ("named",)
    list_filter = (PeriodFilter, NameFilter, "is_generated", "is_machine")
    list_select_related = ("source",)
    paginator = CappedPaginator
    ordering = ("-occurred_at", "-id")
    fields = (
        "name", "customer", "source", "occurred_at", "received_at", "amount_shown", "marks",
        "properties_shown",
    )  # fmt: skip
    readonly_fields = ("customer", "amount_shown", "marks", "properties_shown")
    empty_state = {
        "icon": "bolt",
        "title": "No events in this time",
        "text": "Orders, visits and what happens to mails arrive here. Nothing is kept about "
        "people who did not agree to it.",
        "steps": (
            "Load a file: python manage.py import_events events.jsonl",
            "What happens to our own mails comes by itself.",
        ),
    }

    @display(description="Event")
    def named(self, event: Event) -> SafeString:
        return two_lines(event.name, event.source.name)

    @display(description="Customer")
    def customer(self, event: Event) -> SafeString:
        url = reverse("admin:personalization_customerprofile_change", args=[event.profile_id])
        return format_html('<a class="at-link" href="{}">Customer {}</a>', url, event.profile_id)

    @display(description="Amount")
    def amount_shown(self, event: Event) -> SafeString:
        if event.amount is None:
            return quiet("–")
        money = f"{event.amount:,.2f} {event.currency or ''}"
        return format_html('<span class="at-figure">{}</span>', money)

    @display(description="")
    def marks(self, event: Event) -> SafeString:
        return chips(
            chip("Generated", tone="info", title="Made up for the demo")
            if event.is_generated
            else SafeString(),
            chip("Machine", title="A bot or a mail proxy, not a person")
            if event.is_machine
            else SafeString(),
        )

    @display(description="When")
    def at(self, event: Event) -> SafeString:
        return when(event.occurred_at)

    @display(description="Properties")
    def properties_shown(self, event: Event) -> SafeString:
        text = json.dumps(event.properties, indent=2, ensure_ascii=False)
        return format_html('<pre class="at-payload">{}</pre>', text)


@register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin[InboxEvent]):
    """The payload stays sealed: it may hold what identifies somebody nobody knows yet."""

    list_display = ("message", "state", "why", "received")
    list_filter = (QuarantineFilter, "source")
    list_select_related = ("source",)
    paginator = CappedPaginator
    ordering = ("-id",)
    fields = ("source", "message_id", "state", "why", "received_at", "quarantined_at")
    readonly_fields = ("state", "why")
    empty_state = {
        "icon": "task_alt",
        "title": "Nothing in quarantine",
        "text": "Every event that arrived could be read and applied. One that cannot stops here "
        "with its reason, and never stops the others.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        return super().get_queryset(request).defer("payload")

    @display(description="Message")
    def message(self, row: InboxEvent) -> SafeString:
        return two_lines(row.message_id, row.source.name)

    @display(description="State")
    def state(self, row: InboxEvent) -> SafeString:
        if row.quarantined_at is None:
            return chip("Waiting", tone="info")
        return chip("In quarantine", tone="bad")

    @display(description="Reason")
    def why(self, row: InboxEvent) -> str:
        return row.reason or "–"

    @display(description="Received", ordering="id")
    def received(self, row: InboxEvent) -> SafeString:
        return when(row.received_at)


@register(Source)
class SourceAdmin(PageAdmin[Source]):
    list_display = ("named", "kind", "created")
    fields = ("name", "slug", "is_generated", "created_at")
    readonly_fields = ("created_at",)
    prepopulated_fields = {"slug": ("name",)}
    actions = None
    empty_state = {
        "icon": "input",
        "title": "No sources yet",
        "text": "A source is a place events come from: a shop, an app, a file.",
    }

    @display(description="Source", ordering="name")
    def named(self, source: Source) -> SafeString:
        return two_lines(source.name, source.slug)

    @display(description="Data")
    def kind(self, source: Source) -> SafeString:
        return chip("Generated", tone="info") if source.is_generated else chip("Real", tone="good")

    @display(description="Since", ordering="created_at")
    def created(self, source: Source) -> SafeString:
        return when(source.created_at)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events name their source for as long as they are kept."""
        return False
