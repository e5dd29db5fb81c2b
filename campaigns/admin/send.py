"""The ledger of sends, and the page that says why a mail said what it said."""

import uuid

from django.contrib import admin
from django.contrib.admin import action, display
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateFilter

from campaigns.admin import look, pages, rows
from campaigns.models import Send
from campaigns.sending import story
from campaigns.sending.reasons import WORDS, in_words
from campaigns.sending.replay import replay_mail
from campaigns.sending.settle import settle
from consent import audit
from consent.admin.base import CappedPaginator, ReadOnlyAdmin, actor
from consent.admin.look import quiet, when
from personalization.replay import Replayed


class ReasonFilter(admin.SimpleListFilter):
    """Offers the known reasons in words; asking the table for them would read all of it."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return list(WORDS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Send]) -> QuerySet[Send]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Send)
class SendAdmin(ReadOnlyAdmin[Send]):
    list_display = ("recipient", "of", "state_shown", "why", "arm_shown", "planned", "sent")
    list_display_links = None
    list_filter = ("state", ReasonFilter, "campaign", ("sent_at", RangeDateFilter))
    # Names and addresses are sealed: a mail is found by the key it carries in its headers.
    search_fields = ("message_key",)
    actions = ("settle_as_arrived", "settle_as_lost")
    search_help_text = "The message key of a mail, or the number of a send"
    paginator = CappedPaginator
    empty_state = {
        "icon": "outgoing_mail",
        "title": "No mail was planned yet",
        "text": "Launch a campaign: everybody in its segments gets one line here, planned, or "
        "skipped with the reason.",
    }

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[rows.FilledList]:
        return rows.FilledList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Send]:
        found: QuerySet[Send] = super().get_queryset(request)
        return found.select_related("campaign")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Send], search_term: str
    ) -> tuple[QuerySet[Send], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(_found_by(term)), False

    def fill(self, found: list[Send], *, request: HttpRequest) -> None:
        """Look up the addresses of a page at once."""
        addresses = rows.recipients(found, viewer=request.user)
        for send in found:
            vars(send)["recipient"] = addresses.get(send.subject_id, "")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.launch_campaigns")

    @action(description="Unknown: it arrived", permissions=["settle"])
    def settle_as_arrived(self, request: HttpRequest, chosen: QuerySet[Send]) -> None:
        self._settle(request, chosen, arrived=True)

    @action(description="Unknown: it did not arrive, send it again", permissions=["settle"])
    def settle_as_lost(self, request: HttpRequest, chosen: QuerySet[Send]) -> None:
        self._settle(request, chosen, arrived=False)

    def _settle(self, request: HttpRequest, chosen: QuerySet[Send], *, arrived: bool) -> None:
        ids = list(chosen.values_list("pk", flat=True))
        count = settle(ids, arrived=arrived, actor=actor(request), now=timezone.now())
        left = (
            f"; {len(ids) - count} were not in doubt and stay as they are"
            if count < len(ids)
            else ""
        )
        self.message_user(request, f"{count} settled{left}.")

    @display(description="Recipient")
    def recipient(self, send: Send) -> SafeString:
        url = reverse("admin:campaigns_send_why", args=[send.pk])
        address = vars(send)["recipient"] or "no address any more"
        return format_html('<a class="cp-link" href="{}">{}</a>', url, address)

    @display(description="Campaign")
    def of(self, send: Send) -> SafeString:
        return look.campaign_link(send.campaign)

    @display(description="State", ordering="state")
    def state_shown(self, send: Send) -> SafeString:
        return look.state(send)

    @display(description="Why")
    def why(self, send: Send) -> SafeString:
        return quiet(in_words(send.reason) if send.reason else "")

    @display(description="Arm", ordering="arm")
    def arm_shown(self, send: Send) -> SafeString:
        return quiet(send.arm or "–")

    @display(description="Planned", ordering="created_at")
    def planned(self, send: Send) -> SafeString:
        return when(send.created_at)

    @display(description="Sent", ordering="sent_at")
    def sent(self, send: Send) -> SafeString:
        return when(send.sent_at) if send.sent_at else quiet("–")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        why = path("<int:object_id>/why/", wrap(self.why_view), name="campaigns_send_why")
        return [why, *super().get_urls()]

    def why_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show permission, rules, content, products and what came back, for one mail."""
        send = pages.row(self, request, str(object_id))
        told = story.tell(send)
        return pages.show(
            self,
            request,
            "admin/campaigns/send/why.html",
            title="Why this content",
            original=send,
            story=told,
            state=look.state(send),
            recipient=rows.recipients([send], viewer=request.user).get(send.subject_id, ""),
            inputs=_inputs(request, told),
            replayed=_replayed(request, told),
            may_see_inputs=request.user.has_perm(rows.IN_CLEAR),
        )


def _found_by(term: str) -> Q:
    if term.isascii() and term.isdigit() and len(term) < 19:
        return Q(pk=int(term))
    try:
        return Q(message_key=uuid.UUID(term))
    except ValueError:
        return Q(pk=None)


def _inputs(request: HttpRequest, told: story.Story) -> list[story.Input] | None:
    """Open the values a decision looked at, for who may see them; the look is noted."""
    if told.receipt is None or not request.user.has_perm(rows.IN_CLEAR):
        return None
    audit.note(
        "personal_data.view",
        actor=request.user,
        target=told.send,
        pseudonym=told.receipt.subject.pseudonym,
        detail={"what": "receipt"},
    )
    return story.inputs(told.receipt)


def _replayed(request: HttpRequest, told: story.Story) -> Replayed | None:
    """Write the mail again from its receipt, when asked; only marks come out of it."""
    if told.receipt is None or "replay" not in request.GET:
        return None
    return replay_mail(told.receipt)
