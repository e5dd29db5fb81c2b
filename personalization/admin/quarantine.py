"""The quarantine: what came and could not be read, why, and how to mend or discard it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import action, display, helpers, register
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from consent.admin.base import CappedPaginator, ReadOnlyAdmin, actor
from consent.admin.look import chip, two_lines, when
from personalization import tasks
from personalization.admin import quarantine_page
from personalization.admin.quarantine_filters import AgeFilter, QuarantineFilter, ReasonFilter
from personalization.ingest import replay
from personalization.models import InboxEvent

LIST = "admin:personalization_inboxevent_changelist"
Rows = QuerySet[InboxEvent]
# An id of Segment's clients in full; its own page shows each in full.
SHOWN = 36


@register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin[InboxEvent]):
    """The payload is sealed: it may hold what identifies somebody nobody knows yet."""

    list_display = ("message", "state", "why", "received")
    list_filter = (QuarantineFilter, ReasonFilter, "source", AgeFilter)
    list_select_related = ("source",)
    paginator = CappedPaginator
    ordering = ("-id",)
    actions = ("replay", "discard")
    empty_state = {
        "icon": "task_alt",
        "title": "Nothing in quarantine",
        "text": "Every event that arrived could be read and applied. One that cannot stops here "
        "with its reason, and never stops the others.",
    }

    def get_queryset(self, request: HttpRequest) -> Rows:
        return super().get_queryset(request).defer("payload")

    def get_urls(self) -> list[URLPattern]:
        mend = self.admin_site.admin_view(self.mend_view)
        name = "personalization_inboxevent_mend"
        return [path("<int:object_id>/mend/", mend, name=name), *super().get_urls()]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("personalization.change_inboxevent")

    @action(description="Replay: put back into the inbox", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: Rows) -> None:
        """Try again what was mended elsewhere, as a product that is there now."""
        done = replay.replay(queryset, actor=actor(request))
        transaction.on_commit(tasks.apply_inbox.delay)
        if done.put_back:
            messages.success(request, f"{done.put_back:,} put back. They are applied now.")
        if done.still_faulty:
            text = f"{done.still_faulty:,} cannot be read as they are. Open them to mend them."
            messages.warning(request, text)

    @action(description="Discard …", permissions=["replay"])
    def discard(self, request: HttpRequest, queryset: Rows) -> HttpResponse | None:
        """Ask first: what is discarded is gone."""
        if "sure" not in request.POST:
            return self._ask(request, queryset)
        count = replay.discard(queryset, actor=actor(request))
        messages.success(request, f"{count:,} discarded.")
        return None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what came; the rights are asked here, because the page is our own."""
        if request.method == "POST":
            raise PermissionDenied
        row = self._row(request, object_id)
        if row is None:
            messages.info(
                request, "It is not in quarantine: it waits for a worker, or is done with."
            )
            return redirect(LIST)
        found = quarantine_page.of(row, request=request)
        return self._show(request, "attune/quarantined.html", found)

    def mend_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take the written event back, or show it again with what is still wrong."""
        row = self._row(request, str(object_id))
        if not self.has_replay_permission(request):
            raise PermissionDenied
        if row is None or request.method != "POST":
            raise Http404("There is nothing to mend here.")
        problem = quarantine_page.mend(row, request=request)
        if not problem:
            transaction.on_commit(tasks.apply_inbox.delay)
            messages.success(request, f"{row.message_id} is mended and applied now.")
            return redirect(LIST)
        found = quarantine_page.again(row, request=request, problem=problem)
        return self._show(request, "attune/quarantined.html", found)

    def _row(self, request: HttpRequest, object_id: str) -> InboxEvent | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = InboxEvent.objects.select_related("source").exclude(quarantined_at=None)
        return rows.filter(pk=object_id).first() if object_id.isdigit() else None

    def _show(self, request: HttpRequest, template: str, found: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        may_mend = self.has_replay_permission(request)
        return TemplateResponse(request, template, {**shared, "may_mend": may_mend, **found})

    def _ask(self, request: HttpRequest, chosen: Rows) -> HttpResponse:
        rows = list(chosen.exclude(quarantined_at=None)[:1000])
        found = {
            "title": "Discard",
            "rows": rows,
            "shown": rows[:10],
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return self._show(request, "attune/quarantine_discard.html", found)

    @display(description="Message")
    def message(self, row: InboxEvent) -> SafeString:
        return two_lines(_short(row.message_id), row.source.name)

    @display(description="State")
    def state(self, row: InboxEvent) -> SafeString:
        if row.quarantined_at is None:
            return chip("Waiting", tone="info")
        return chip("In quarantine", tone="bad")

    @display(description="Reason")
    def why(self, row: InboxEvent) -> str:
        return capfirst(row.reason) or "–"

    @display(description="Received", ordering="id")
    def received(self, row: InboxEvent) -> SafeString:
        return when(row.received_at)


def _short(message_id: str) -> str:
    """Cut an id for the list: beside a long one nobody could read the reason."""
    return message_id if len(message_id) <= SHOWN else f"{message_id[: SHOWN - 1]}…"
