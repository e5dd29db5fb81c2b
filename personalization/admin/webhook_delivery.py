"""Webhook deliveries: what came from which shop, what became of it, and another try."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.admin import action, display, register
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent import audit
from consent.admin.base import CappedPaginator, SheetAdmin, actor
from consent.admin.look import Tone, chip, quiet, two_lines, when
from consent.identity import SealBroken
from personalization import tasks
from personalization.importing.values import CellError
from personalization.models import WebhookDelivery
from personalization.sources import deliveries
from personalization.sources.masked import masked
from personalization.sources.reading import parse

PERSONAL = "consent.view_personal_data"
PAGE = "admin:personalization_webhookdelivery_change"
TONES: dict[str, Tone] = {
    WebhookDelivery.State.WAITING: "info",
    WebhookDelivery.State.DONE: "good",
    WebhookDelivery.State.IGNORED: "quiet",
    WebhookDelivery.State.FAILED: "bad",
}
Rows = QuerySet[WebhookDelivery]


@register(WebhookDelivery)
class WebhookDeliveryAdmin(SheetAdmin[WebhookDelivery]):
    change_form_template = "attune/webhook_delivery.html"
    list_display = ("told", "state_shown", "why", "received")
    list_display_links = ("told",)
    list_filter = ("state", "source", "topic")
    list_select_related = ("source",)
    paginator = CappedPaginator
    ordering = ("-id",)
    actions = ("retry",)
    empty_state = {
        "icon": "webhook",
        "title": "No deliveries yet",
        "text": "Shops and CRMs tell what happens by webhook: each delivery is verified, stored "
        "once, and worked on within seconds. One that fails stops here with its reason.",
        "steps": (
            "Make a source of the kind of your shop, and set its secret.",
            "Enter the address that its page shows into the shop.",
        ),
    }

    def get_queryset(self, request: HttpRequest) -> Rows:
        return super().get_queryset(request).defer("payload")

    def get_urls(self) -> list[URLPattern]:
        retry = self.admin_site.admin_view(require_POST(self.retry_view))
        name = "personalization_webhookdelivery_retry"
        return [path("<int:object_id>/retry/", retry, name=name), *super().get_urls()]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whoever sets up a source also sees to what failed of it."""
        return request.user.has_perm("personalization.change_source")

    @action(description="Try again", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: Rows) -> None:
        count = deliveries.retry(queryset.values_list("pk", flat=True), actor=actor(request))
        transaction.on_commit(tasks.work_webhooks.delay)
        if count:
            messages.success(request, f"{count:,} tried again now.")
        if rest := len(queryset) - count:
            text = f"{rest:,} left as they are: only what failed and still has its payload can."
            messages.info(request, text)

    def retry_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Try the one delivery whose page is open again."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        self.retry(request, self.get_queryset(request).filter(pk=object_id))
        return redirect(PAGE, object_id)

    def page_of(self, request: HttpRequest, delivery: WebhookDelivery) -> dict[str, Any]:
        may_see = request.user.has_perm(PERSONAL)
        shown = payload_of(delivery) if may_see else ""
        if shown:
            audit.note("personal_data.view", actor=request.user, target=delivery)
        is_failed = delivery.state == WebhookDelivery.State.FAILED
        return {
            "state_chip": state_chip(delivery),
            "may_see": may_see,
            "payload": shown,
            "may_retry": is_failed and self.has_retry_permission(request),
        }

    @display(description="Topic", ordering="topic")
    def told(self, delivery: WebhookDelivery) -> SafeString:
        return two_lines(delivery.topic or "without a topic", delivery.source.name)

    @display(description="State", ordering="state")
    def state_shown(self, delivery: WebhookDelivery) -> SafeString:
        return state_chip(delivery)

    @display(description="Reason")
    def why(self, delivery: WebhookDelivery) -> SafeString | str:
        return delivery.reason or quiet("–")

    @display(description="Received", ordering="id")
    def received(self, delivery: WebhookDelivery) -> SafeString:
        return when(delivery.received_at)


def state_chip(delivery: WebhookDelivery) -> SafeString:
    if delivery.state == WebhookDelivery.State.WAITING and delivery.tries:
        return chip("Tried again soon", tone="warn", title=f"{delivery.tries} tries so far")
    return chip(delivery.get_state_display(), tone=TONES[delivery.state])


def payload_of(delivery: WebhookDelivery) -> str:
    """Return what came, without what names a person; empty where nothing is kept."""
    try:
        body = deliveries.body_of(delivery)
    except SealBroken:
        return "It does not open: its bytes were changed, or it was moved here."
    if body is None:
        return ""
    try:
        found = masked(parse(body).value)
    except CellError as fault:
        return f"It cannot be shown: the {fault}."
    return json.dumps(found, indent=2, ensure_ascii=False)
