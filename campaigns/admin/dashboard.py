"""The home page: figures, what needs attention, what runs."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from campaigns.admin import look
from campaigns.kpi import dashboard
from campaigns.kpi.dashboard import Attention, Cards, Overview
from campaigns.kpi.definitions import DEFINITIONS

# Where each kind of attention leads, and its icon.
PLACES = {
    "campaign": ("admin:campaigns_campaign_results", "", "error"),
    "unknown": ("admin:campaigns_send_changelist", "?state__exact=unknown", "help"),
    "source": ("admin:personalization_source_change", "", "sensors_off"),
    "waiting": ("admin:personalization_inboxevent_changelist", "?state=waiting", "hourglass_top"),
    "quarantine": ("admin:personalization_inboxevent_changelist", "", "warning"),
    "segments": ("admin:personalization_segment_changelist", "", "donut_small"),
    "sender": ("admin:campaigns_senderidentity_add", "", "badge"),
}


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: add what the home page shows to who may see results."""
    context["title"] = "Home"
    if not request.user.has_perm("consent.view_kpi"):
        return context
    found = dashboard.overview(now=timezone.now())
    return {
        **context,
        "overview": found,
        "definitions": DEFINITIONS,
        "chart": _chart(found),
        **_shown(found.cards),
        "campaigns": [
            (campaign, progress, look.status(campaign)) for campaign, progress in found.campaigns
        ],
        "attention": [_attention(item) for item in found.attention],
    }


def _shown(cards: Cards) -> dict[str, str | None]:
    """Put figures into words; None stays None and shows as not recorded."""
    orders = f"from {cards.converted:,} order{'' if cards.converted == 1 else 's'}"
    return {
        "open_rate": _percent(cards.share(cards.opened)),
        "click_rate": _percent(cards.share(cards.clicked)),
        "unsubscribed": None if cards.unsubscribed is None else f"{cards.unsubscribed:,}",
        "revenue": None if cards.revenue is None else f"{cards.revenue:,.0f}",
        "revenue_note": f"{cards.currency} {orders}".strip(),
        "sent_note": f"in 30 days, {cards.sent_week:,} in 7",
    }


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1f}"


def _chart(found: Overview) -> dict[str, list[Any]]:
    return {
        "labels": [f"{week.starts:%d %b %Y}" for week in found.weeks],
        "sent": [week.sent for week in found.weeks],
        "converted": [week.converted for week in found.weeks],
    }


def _attention(item: Attention) -> dict[str, str]:
    name, query, icon = PLACES[item.kind]
    url = reverse(name, args=[item.key] if item.key else None)
    return {"text": item.text, "url": url + query, "icon": icon}
