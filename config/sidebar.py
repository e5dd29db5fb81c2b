"""The sidebar of the admin: by task, and only what exists here and this person may see."""

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

# Group: (model, title, icon) in the order of the work.
GROUPS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "Send": (
        ("campaigns.campaign", "Campaigns", "campaign"),
        ("campaigns.experiment", "Experiments", "science"),
        ("campaigns.send", "Sends", "outgoing_mail"),
        ("personalization.receipt", "Answers at send time", "receipt_long"),
    ),
    "Content": (
        ("campaigns.template", "Templates", "draft"),
        ("personalization.contentblock", "Content blocks", "dashboard_customize"),
        ("personalization.ruleset", "Rulesets", "rule"),
        ("personalization.recommendationchain", "Recommendation chains", "low_priority"),
        ("personalization.offer", "Offers", "sell"),
        ("personalization.sendtimeslot", "Send-time slots", "api"),
        ("personalization.feed", "Feeds", "rss_feed"),
        ("campaigns.senderidentity", "Sender identities", "badge"),
    ),
    "Audience": (
        ("personalization.customerprofile", "Customers", "group"),
        ("consent.mergeproposal", "The same person?", "group_add"),
        ("consent.merge", "Merges", "merge"),
        ("personalization.segment", "Segments", "donut_small"),
        ("personalization.event", "Events", "bolt"),
        ("personalization.product", "Products", "shopping_bag"),
    ),
    "Learn": (
        ("campaigns.trackingevent", "Tracking", "ads_click"),
        ("campaigns.conversion", "Conversions", "paid"),
        ("personalization.recommendationmodel", "Recommendation models", "recommend"),
        ("personalization.traitmodel", "Trait models", "psychology"),
    ),
    "Consent": (
        ("consent.datasubject", "Subjects", "person"),
        ("consent.purpose", "Purposes", "gavel"),
        ("consent.consentrecord", "Consent ledger", "fact_check"),
        ("consent.suppression", "Suppressions", "block"),
        ("consent.privacyrequest", "Privacy requests", "policy"),
        ("consent.auditentry", "Audit log", "history"),
    ),
    "System": (
        ("consent.job", "Jobs", "pending_actions"),
        ("personalization.importrun", "Imports", "upload_file"),
        ("personalization.source", "Sources", "input"),
        ("personalization.webhookdelivery", "Webhook deliveries", "webhook"),
        ("personalization.inboxevent", "Quarantine", "warning"),
        ("personalization.field", "Field catalogue", "data_object"),
        ("consent.apikey", "API keys", "key"),
        ("consent.oauthclient", "OAuth clients", "vpn_key"),
        ("auth.user", "Users", "manage_accounts"),
        ("auth.group", "Groups", "groups"),
    ),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's groups; a group without an item does not appear."""
    found = [_home()]
    for title, entries in GROUPS.items():
        items = [item for entry in entries for item in _items(request, *entry)]
        if title == "Send" and settings.ATTUNE_MAILBOX_ENABLED:
            items.append({"title": "Mailbox", "icon": "inbox", "link": reverse("mailbox:list")})
        if items:
            found.append({"title": title, "separator": True, "collapsible": False, "items": items})
    return found


def _home() -> dict[str, Any]:
    home = {"title": "Home", "icon": "home", "link": reverse("admin:index")}
    return {"title": "", "separator": False, "items": [home]}


def _items(request: HttpRequest, label: str, title: str, icon: str) -> list[dict[str, Any]]:
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return []
    if not admin.site.get_model_admin(model).has_view_permission(request):
        return []
    app_label, _, name = label.partition(".")
    link = reverse(f"admin:{app_label}_{name}_changelist")
    return [{"title": title, "icon": icon, "link": link}]
