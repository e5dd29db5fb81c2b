"""How states of campaigns and sends look in lists and on pages."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.models import Campaign, Send, TrackingEvent
from consent.admin.look import Tone, chip

STATUS: dict[str, Tone] = {"draft": "quiet", "sending": "info", "paused": "warn", "sent": "good"}
STATE: dict[str, Tone] = {
    "planned": "info",
    "held": "warn",
    "skipped": "quiet",
    "claimed": "info",
    "handing_over": "info",
    "sent": "good",
    "failed": "bad",
    "unknown": "warn",
}
KIND: dict[str, Tone] = {
    "delivered": "quiet",
    "opened": "info",
    "clicked": "good",
    "bounced": "bad",
    "complained": "bad",
    "unsubscribed": "warn",
}


def status(campaign: Campaign) -> SafeString:
    """The campaign's chip; trouble shows on it, so that a list cannot hide it."""
    if campaign.problem:
        return chip("Needs attention", tone="bad", title=campaign.problem)
    return chip(campaign.get_status_display(), tone=STATUS[campaign.status])


def state(send: Send) -> SafeString:
    return chip(send.get_state_display(), tone=STATE[send.state])


def kind(event: TrackingEvent) -> SafeString:
    return chip(event.get_kind_display(), tone=KIND[event.kind])


def campaign_link(campaign: Campaign) -> SafeString:
    url = reverse("admin:campaigns_campaign_results", args=[campaign.pk])
    return format_html('<a class="cp-link" href="{}">{}</a>', url, campaign.name)
