"""Privacy requests: what people ask for under the law, until when, and that it was done."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import SimpleListFilter, display, register
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent import requests
from consent.admin.base import CappedPaginator, SheetAdmin, actor
from consent.admin.look import Tone, chip, quiet, two_lines, when
from consent.models import PrivacyRequest

HANDLE = "consent.handle_privacy"
PAGE = "admin:consent_privacyrequest_change"
State = PrivacyRequest.State
SOON_DAYS = 7
TONES: dict[str, Tone] = {State.RECEIVED: "info", State.DONE: "good", State.REJECTED: "quiet"}
Rows = QuerySet[PrivacyRequest]


class OpenFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("overdue", "Overdue"), ("closed", "Done or rejected")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "open":
                return queryset.filter(state=State.RECEIVED)
            case "overdue":
                return queryset.filter(state=State.RECEIVED, due_at__lt=timezone.now())
            case "closed":
                return queryset.exclude(state=State.RECEIVED)
            case _:
                return queryset


@register(PrivacyRequest)
class PrivacyRequestAdmin(SheetAdmin[PrivacyRequest]):
    change_form_template = "attune/privacy_request.html"
    list_display = ("asked", "who", "state_shown", "due", "received")
    list_display_links = ("asked",)
    list_filter = (OpenFilter, "kind", "source")
    list_select_related = ("subject",)
    paginator = CappedPaginator
    # What is open first, and of that what is due first.
    ordering = (F("done_at").desc(nulls_first=True), "due_at", "pk")
    empty_state = {
        "icon": "policy",
        "title": "Nobody asked for anything",
        "text": "When somebody wants to know what is kept about them, or to have it erased, the "
        "request lands here with the day it is due: a month after it came in.",
        "steps": ("Shopify and HubSpot send such requests by webhook.",),
    }

    def get_urls(self) -> list[URLPattern]:
        close = self.admin_site.admin_view(require_POST(self.close_view))
        name = "consent_privacyrequest_close"
        return [path("<int:object_id>/close/", close, name=name), *super().get_urls()]

    def close_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Mark a request as done or rejected; how and why is kept with it."""
        if not request.user.has_perm(HANDLE):
            raise PermissionDenied
        row = get_object_or_404(PrivacyRequest.objects.select_related("subject"), pk=object_id)
        state, note = request.POST.get("state", ""), request.POST.get("note", "").strip()
        if state not in (State.DONE, State.REJECTED) or not note:
            messages.error(request, "Write how it was answered, and choose done or rejected.")
        elif requests.close(row, state=state, note=note, actor=actor(request), now=timezone.now()):
            messages.success(request, f"Marked as {State(state).label.lower()}.")
        else:
            messages.warning(request, "It is closed already; nothing was changed.")
        return redirect(PAGE, object_id)

    def page_of(self, request: HttpRequest, row: PrivacyRequest) -> dict[str, Any]:
        return {
            "state_chip": state_chip(row),
            "due_chip": due_chip(row),
            "is_open": row.state == State.RECEIVED,
            "may_close": row.state == State.RECEIVED and request.user.has_perm(HANDLE),
        }

    @display(description="Request", ordering="kind")
    def asked(self, row: PrivacyRequest) -> SafeString:
        return two_lines(row.get_kind_display(), row.source)

    @display(description="Subject")
    def who(self, row: PrivacyRequest) -> SafeString:
        if row.subject is None:
            return quiet("–" if row.kind == PrivacyRequest.Kind.SHOP_ERASURE else "nobody we know")
        url = reverse("admin:consent_datasubject_change", args=[row.subject.pk])
        short = str(row.subject.pseudonym)[:8]
        return format_html('<a class="at-link" href="{}">{}…</a>', url, short)

    @display(description="State", ordering="state")
    def state_shown(self, row: PrivacyRequest) -> SafeString:
        return state_chip(row)

    @display(description="Due", ordering="due_at")
    def due(self, row: PrivacyRequest) -> SafeString:
        return due_chip(row)

    @display(description="Received", ordering="received_at")
    def received(self, row: PrivacyRequest) -> SafeString:
        return when(row.received_at)


def state_chip(row: PrivacyRequest) -> SafeString:
    return chip(row.get_state_display(), tone=TONES[row.state])


def due_chip(row: PrivacyRequest) -> SafeString:
    """Count down to the day it is due; once it is closed there is nothing to count."""
    day = timezone.localtime(row.due_at)
    if row.state != State.RECEIVED:
        return quiet(day.strftime("%d %b %Y"))
    days = (day.date() - timezone.localdate()).days
    title = day.strftime("due %d %b %Y, %H:%M")
    if row.due_at < timezone.now():
        return chip("Overdue" if days >= 0 else _days(-days, "overdue"), tone="bad", title=title)
    tone: Tone = "warn" if days <= SOON_DAYS else "info"
    return chip("Due today" if days == 0 else _days(days, "left"), tone=tone, title=title)


def _days(count: int, word: str, /) -> str:
    return f"{count} {'day' if count == 1 else 'days'} {word}"
