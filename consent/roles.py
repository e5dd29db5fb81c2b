"""The five roles and what each may do; run `manage.py sync_roles` after a migration."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

CONTENT = (
    "segment",
    "ruleset",
    "contentblock",
    "recommendationchain",
    "template",
    "campaign",
    "experiment",
    "senderidentity",
    "offer",
    "sendtimeslot",
    "feed",
)
VERSIONS = tuple(f"{name}version" for name in CONTENT[:5])
PARTS = ("campaignslot", "experimentarm")
PEOPLE = (
    "customerprofile",
    "product",
    "productchange",
    "event",
    "basket",
    "order",
    "source",
    "sourceday",
    "seenproperty",
    "webhookdelivery",
    "importrun",
    "field",
    "inboxevent",
    "traitmodel",
)
RESULTS = (
    "send",
    "trackingevent",
    "conversion",
    "link",
    "receipt",
    "offercode",
    "offergrant",
    "offertally",
    "recommendationmodel",
    "job",
    "joberror",
)
LEGAL = (
    "datasubject",
    "identifier",
    "purpose",
    "consentrecord",
    "consentstate",
    "suppression",
    "auditentry",
    "merge",
    "mergeproposal",
    "privacyrequest",
)

# Role: (verbs, models) pairs and single codes.
ROLES: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "marketer": [
        (("view", "add", "change"), (*CONTENT, *VERSIONS)),
        (("view", "add", "change", "delete"), PARTS),
        (("view",), (*PEOPLE, *RESULTS, "purpose", "suppression")),
        (("view", "change"), ("product", "inboxevent")),
        (("view", "add", "change"), ("source", "importrun", "field")),
        (("view",), ("merge", "mergeproposal")),
    ],
    "analyst": [(("view",), (*CONTENT, *VERSIONS, *PARTS, *PEOPLE, *RESULTS, "purpose"))],
    "approver": [
        (("view", "change"), (*CONTENT, *VERSIONS, *PARTS)),
        (("view",), (*PEOPLE, *RESULTS, "purpose", "suppression")),
    ],
    "compliance": [
        (("view",), (*LEGAL, *PEOPLE, *RESULTS, *CONTENT, *VERSIONS)),
        (("add", "change"), ("purpose", "suppression", "field")),
        (("change",), ("mergeproposal", "privacyrequest")),
    ],
    "admin": [],
}
CODES: dict[str, tuple[str, ...]] = {
    "marketer": ("launch_campaigns", "view_kpi"),
    "analyst": ("view_kpi",),
    "approver": ("approve_versions", "launch_campaigns", "view_kpi"),
    "compliance": ("view_personal_data", "handle_privacy", "view_kpi"),
    "admin": (),
}


def sync_roles() -> None:
    """Make the groups and give each exactly its permissions; run again after a migration."""
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set(_permissions(role))


def _permissions(role: str) -> "QuerySet[Permission]":
    ours = Permission.objects.filter(
        content_type__app_label__in=["consent", "personalization", "campaigns"]
    )
    if role == "admin":
        return Permission.objects.filter(Q(pk__in=ours) | Q(content_type__app_label="auth"))
    codes = {
        f"{verb}_{model}" for verbs, models in ROLES[role] for model in models for verb in verbs
    }
    return ours.filter(codename__in=codes | set(CODES[role]))
