"""What came back from mails, and the orders they may claim: ledgers, for reading only."""

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter

from campaigns.admin.look import campaign_link, kind
from campaigns.models import Conversion, TrackingEvent
from consent.admin.base import CappedPaginator, ReadOnlyAdmin
from consent.admin.look import chip, figure, quiet, when


def _send_link(send_id: int | None) -> SafeString:
    if send_id is None:
        return quiet("not kept: tracking refused")
    url = reverse("admin:campaigns_send_why", args=[send_id])
    return format_html('<a class="cp-link" href="{}">Send {}</a>', url, send_id)


@admin.register(TrackingEvent)
class TrackingEventAdmin(ReadOnlyAdmin[TrackingEvent]):
    list_display = ("what", "by", "of", "mail", "target", "at")
    list_display_links = None
    list_filter = ("kind", "is_machine", "campaign", ("occurred_at", RangeDateFilter))
    paginator = CappedPaginator
    empty_state = {
        "icon": "ads_click",
        "title": "Nothing came back yet",
        "text": "Opens, clicks, bounces and unsubscribes appear here once a campaign is out. "
        "People who refused tracking are counted for the campaign, without their name.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrackingEvent]:
        found: QuerySet[TrackingEvent] = super().get_queryset(request)
        return found.select_related("campaign", "link")

    @display(description="What")
    def what(self, event: TrackingEvent) -> SafeString:
        return kind(event)

    @display(description="By")
    def by(self, event: TrackingEvent) -> SafeString:
        return chip("Machine", title="Not counted") if event.is_machine else quiet("a person")

    @display(description="Campaign")
    def of(self, event: TrackingEvent) -> SafeString:
        return campaign_link(event.campaign)

    @display(description="Mail")
    def mail(self, event: TrackingEvent) -> SafeString:
        return _send_link(event.send_id)

    @display(description="Link")
    def target(self, event: TrackingEvent) -> SafeString:
        return quiet(event.link.url if event.link else "")

    @display(description="When", ordering="occurred_at")
    def at(self, event: TrackingEvent) -> SafeString:
        return when(event.occurred_at)


@admin.register(Conversion)
class ConversionAdmin(ReadOnlyAdmin[Conversion]):
    list_display = ("order", "of", "mail", "worth", "at")
    list_display_links = None
    list_filter = ("campaign", ("occurred_at", RangeDateFilter))
    paginator = CappedPaginator
    empty_state = {
        "icon": "paid",
        "title": "No order was claimed yet",
        "text": "An order counts for the last mail its customer got within 7 days before it. "
        "Orders are looked at every five minutes.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversion]:
        found: QuerySet[Conversion] = super().get_queryset(request)
        return found.select_related("campaign")

    @display(description="Order")
    def order(self, conversion: Conversion) -> SafeString:
        return quiet(conversion.order_key)

    @display(description="Campaign")
    def of(self, conversion: Conversion) -> SafeString:
        return campaign_link(conversion.campaign)

    @display(description="Mail")
    def mail(self, conversion: Conversion) -> SafeString:
        return _send_link(conversion.send_id)

    @display(description="Amount", ordering="amount")
    def worth(self, conversion: Conversion) -> SafeString:
        if conversion.amount is None:
            return quiet("not recorded")
        return figure(float(conversion.amount), digits=2)

    @display(description="When", ordering="occurred_at")
    def at(self, conversion: Conversion) -> SafeString:
        return when(conversion.occurred_at)
