"""Customers: who they are (masked unless one may see it), what they did, what they allowed."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import display, register
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent import audit, gate
from consent.admin.base import CappedPaginator, ChangeList, SheetAdmin
from consent.admin.look import Tone, chip, figure, quiet, two_lines, when
from consent.permission import Permission
from personalization.models import CustomerProfile, Receipt
from personalization.profiles import people, sheet
from personalization.profiles.people import Person

LIST: Final = "admin:personalization_customerprofile_changelist"
PERSONAL: Final = "consent.view_personal_data"
LOG: Final = "consent.view_auditentry"
DECIDE: Final = "consent.change_mergeproposal"
REASONS = {
    "erased": "Erased",
    "no_address": "No address",
    "suppressed": "Suppressed",
    "no_consent": "No consent",
}
# What a page of the list carries on its rows, loaded for all rows at once.
PERSON: Final = "attune_person"
PERMISSION: Final = "attune_permission"


class CustomerList(ChangeList):
    """Loads names and permissions for the whole page: two or three queries, however many rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[CustomerProfile] = list(self.result_list)
        ids = [row.pk for row in rows]
        in_clear = request.user.has_perm(PERSONAL)
        found = people.of(ids, in_clear=in_clear)
        permissions = gate.permissions(ids, purpose=sheet.MARKETING, at=timezone.now())
        for row in rows:
            setattr(row, PERSON, found[row.pk])
            setattr(row, PERMISSION, permissions[row.pk])
        if in_clear and rows:
            detail = {"list": "customers", "count": len(rows)}
            audit.note("personal_data.view", actor=request.user, detail=detail)
        self.result_list = rows


@register(CustomerProfile)
class CustomerAdmin(SheetAdmin[CustomerProfile]):
    change_form_template = "attune/customer.html"
    list_display = (
        "person", "place", "favourite", "orders", "spent", "last_seen", "reachable",
    )  # fmt: skip
    # No search box of the list: it would put the address into the URL.
    list_before_template = "attune/find_customer.html"
    paginator = CappedPaginator
    ordering = ("-last_seen_at", "-pk")
    empty_state = {
        "icon": "group",
        "title": "No customers yet",
        "text": "Customers come from files, from your shop, or from events as they happen. Names "
        "and addresses are sealed from the first write; only who may see them can.",
        "steps": (
            "Load a file: python manage.py import_customers customers.csv",
            "Consent comes with the data: without it nobody is profiled or mailed.",
        ),
    }

    class Media:
        css = {"all": ("attune/people.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerProfile]:
        rows = super().get_queryset(request).select_related("subject").defer("personal")
        # A row that was merged is a part of somebody else; its own page leads there.
        is_list = request.resolver_match and request.resolver_match.url_name == LIST.split(":")[1]
        return rows.filter(subject__merged_into=None) if is_list else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CustomerList

    def get_urls(self) -> list[URLPattern]:
        find = self.admin_site.admin_view(require_POST(self.find_view))
        return [
            path("find/", find, name="personalization_customerprofile_find"),
            *super().get_urls(),
        ]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to the customer of a whole number or address, found by blind index."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = people.find(request.POST.get("term", ""))
        profiles = CustomerProfile.objects.filter(pk__in=found).order_by("pk")
        if len(keys := list(profiles.values_list("pk", flat=True))) == 1:
            return redirect("admin:personalization_customerprofile_change", keys[0])
        if keys:
            return redirect(f"{reverse(LIST)}?pk__in={','.join(map(str, keys))}")
        self.message_user(
            request, "Nobody has this number or address. Enter it whole.", messages.WARNING
        )
        return redirect(LIST)

    @display(description="Customer")
    def person(self, profile: CustomerProfile) -> SafeString:
        who: Person = getattr(profile, PERSON)
        return two_lines(who.title, who.email or "no address")

    @display(description="Place")
    def place(self, profile: CustomerProfile) -> SafeString:
        parts = [profile.attributes.get("city"), profile.attributes.get("country")]
        return quiet(", ".join(str(part) for part in parts if part) or "–")

    @display(description="Favourite category")
    def favourite(self, profile: CustomerProfile) -> str:
        return str(profile.traits.get("favourite_category") or "–")

    @display(description="Orders")
    def orders(self, profile: CustomerProfile) -> SafeString:
        return figure(profile.traits.get("order_count"))

    @display(description="Spent")
    def spent(self, profile: CustomerProfile) -> SafeString:
        return figure(profile.traits.get("total_spent"), digits=2)

    @display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, profile: CustomerProfile) -> SafeString:
        return when(profile.last_seen_at)

    @display(description="Reachable")
    def reachable(self, profile: CustomerProfile) -> SafeString:
        permission: Permission = getattr(profile, PERMISSION)
        return reach_chip(permission)

    def page_of(self, request: HttpRequest, profile: CustomerProfile) -> dict[str, Any]:
        if profile.subject.merged_into_id:
            return {"living_id": profile.subject.merged_into_id}
        in_clear = request.user.has_perm(PERSONAL)
        who = people.of([profile.pk], in_clear=in_clear)[profile.pk]
        if in_clear:
            pseudonym = profile.subject.pseudonym
            audit.note(
                "personal_data.view", actor=request.user, target=profile, pseudonym=pseudonym
            )
        found = sheet.of(profile, in_clear=in_clear, now=timezone.now())
        may_see_log = request.user.has_perm(LOG)
        return {
            "person": who,
            "in_clear": in_clear,
            "sheet": found,
            "details": sheet.details(profile, values=who.details, in_clear=in_clear),
            "reach": reach_chip(found.permission),
            "mails": [(receipt, _send_url(receipt)) for receipt in found.receipts],
            "may_part": request.user.has_perm(DECIDE),
            "log": sheet.log(found.nodes) if may_see_log else None,
            "subtitle": who.title,
        }


def reach_chip(permission: Permission) -> SafeString:
    if permission.may_send:
        return chip("Reachable", tone="good")
    tone: Tone = "warn" if permission.reason == "no_consent" else "bad"
    return chip(REASONS.get(permission.reason, permission.reason), tone=tone)


def _send_url(receipt: Receipt) -> str:
    """Lead to why it was decided, for a mail or an answer; the page is in a layer above this."""
    try:
        return reverse("admin:personalization_receipt_why", args=[receipt.pk])
    except NoReverseMatch:
        return ""
