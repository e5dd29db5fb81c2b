"""Receipts of answers at send time: what a mail provider was told for one person, and why."""

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin import pages, rows
from campaigns.models import Send
from campaigns.sending import explain, story
from consent import audit
from consent.admin.base import CappedPaginator, ReadOnlyAdmin
from consent.admin.look import chips, quiet, when
from personalization.models import Exposure, Receipt
from personalization.replay import replay


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin[Receipt]):
    list_display = ("recipient", "asked", "chosen", "decided")
    list_display_links = ("recipient",)
    # Names and addresses are sealed: an answer is found by the id it carries.
    search_fields = ("message_key",)
    search_help_text = "The decision_id of an answer, or the number of a receipt"
    paginator = CappedPaginator
    empty_state = {
        "icon": "receipt_long",
        "title": "No answer was given yet",
        "text": "What a mail provider is told at send time stands here, one line an answer, with "
        "why it was so. Mails that Attune sends are under Sends.",
    }

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[rows.FilledList]:
        return rows.FilledList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Receipt], search_term: str
    ) -> tuple[QuerySet[Receipt], bool]:
        """List what stands for a message or until it expires; by its id find any."""
        if term := search_term.strip():
            return queryset.filter(_found_by(term)), False
        return queryset.filter(Exists(Exposure.objects.filter(receipt=OuterRef("pk")))), False

    def fill(self, found: list[Receipt], *, request: HttpRequest) -> None:
        """Look up the addresses of a page at once, and what was asked."""
        addresses = rows.recipients(found, viewer=request.user)
        ids = [receipt.pk for receipt in found]
        asked = {each.receipt_id: each for each in Exposure.objects.filter(receipt__in=ids)}
        for receipt in found:
            vars(receipt)["recipient"] = addresses.get(receipt.subject_id, "")
            vars(receipt)["asked"] = asked.get(receipt.pk)

    @display(description="Recipient")
    def recipient(self, receipt: Receipt) -> str:
        address: str = vars(receipt)["recipient"]
        return address or "without an address"

    @display(description="Asked for")
    def asked(self, receipt: Receipt) -> SafeString:
        exposure: Exposure | None = vars(receipt)["asked"]
        if exposure is None:
            return quiet("no longer shown")
        return chips(format_html("{}", _place(exposure)), quiet(_message(exposure)))

    @display(description="Decided by")
    def chosen(self, receipt: Receipt) -> SafeString:
        slots = receipt.decision["slots"].values()
        names = ", ".join(str(slot["rule_name"]) for slot in slots)
        return format_html("{}", names) if names else quiet("a list of products")

    @display(description="Decided", ordering="decided_at")
    def decided(self, receipt: Receipt) -> SafeString:
        return when(receipt.decided_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.why_view)
        why = path("<int:object_id>/why/", view, name="personalization_receipt_why")
        return [why, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """There is nothing to change: the page of a receipt says why it is as it is."""
        if object_id.isascii() and object_id.isdigit():
            return redirect("admin:personalization_receipt_why", int(object_id))
        return super().change_view(request, object_id, form_url, extra_context)

    def why_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Explain one answer; that of a mail is explained on the mail's own page."""
        receipt = pages.row(self, request, str(object_id))
        send = Send.objects.filter(message_key=receipt.message_key).first()
        if send is not None:
            return redirect("admin:campaigns_send_why", send.pk)
        exposure = Exposure.objects.filter(receipt=receipt).first()
        may_see = request.user.has_perm(rows.IN_CLEAR)
        return pages.show(
            self,
            request,
            "admin/campaigns/receipt/why.html",
            title="Why this content",
            original=receipt,
            receipt=receipt,
            because=explain.because(receipt.decision),
            exposure=exposure,
            place=_place(exposure) if exposure else "",
            recipient=rows.recipients([receipt], viewer=request.user).get(receipt.subject_id, ""),
            inputs=_inputs(request, receipt) if may_see else None,
            may_see_inputs=may_see,
            replayed=replay(receipt) if "replay" in request.GET else None,
        )


def _inputs(request: HttpRequest, receipt: Receipt) -> list[story.Input] | None:
    """Open the values a decision looked at; the look is noted."""
    audit.note(
        "personal_data.view",
        actor=request.user,
        target=receipt,
        pseudonym=receipt.subject.pseudonym,
        detail={"what": "receipt"},
    )
    return story.inputs(receipt)


def _place(exposure: Exposure) -> str:
    """Name the slot; the place of a list is its length and strategy."""
    if not exposure.slot.startswith("/"):
        return exposure.slot
    _, count, strategy = exposure.slot.split("/", 2)
    return f"{count} products" + (f" by {strategy}" if strategy else "")


def _message(exposure: Exposure) -> str:
    return f"for {exposure.message}" if exposure.message else "without a message"


def _found_by(term: str) -> Q:
    if term.isascii() and term.isdigit() and len(term) < 19:
        return Q(pk=int(term))
    try:
        return Q(message_key=uuid.UUID(term))
    except ValueError:
        return Q(pk=None)
