"""Events: what happened, as it was kept."""

import json

from django.contrib.admin import display, register
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.admin.base import CappedPaginator, ReadOnlyAdmin
from consent.admin.look import chip, chips, quiet, two_lines, when
from personalization.admin.filters import NameFilter, PeriodFilter
from personalization.models import Event


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
