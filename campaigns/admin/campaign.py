"""Campaigns: the list, the form, and the addresses of the pages around one campaign."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns.admin import campaign_page, look, preview_page
from campaigns.admin.rows import FilledList
from campaigns.kpi import progress
from campaigns.models import Campaign, CampaignSlot
from consent.admin.base import PageAdmin, TabularInline
from consent.admin.look import bar, chip, quiet, when

# What may still change once mails are out: how it is called and who goes first.
ALWAYS = ("name", "priority")


def is_locked(campaign: Campaign | None) -> bool:
    return campaign is not None and campaign.launched_at is not None


class SlotInline(TabularInline[CampaignSlot, Campaign]):
    model = CampaignSlot
    fields = ("name", "ruleset")
    extra = 0
    verbose_name = "slot"
    verbose_name_plural = "Slots: which ruleset fills which place of the template"

    def has_add_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return not is_locked(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return not is_locked(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return not is_locked(obj) and super().has_delete_permission(request, obj)


@admin.register(Campaign)
class CampaignAdmin(PageAdmin[Campaign]):
    list_display = ("named", "status_shown", "progress_shown", "audience", "launched")
    list_display_links = None
    list_filter = ("status", "kind", "purpose", "segments")
    search_fields = ("name", "slug")
    list_per_page = 25
    actions = None
    inlines = (SlotInline,)
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("segments",)
    fieldsets = (
        ("Campaign", {"fields": (("name", "slug"), ("kind", "purpose"))}),
        ("Audience", {"fields": ("segments", ("is_capped", "priority"))}),
        (
            "Content",
            {"fields": (("template", "sender"), "recommendation_count", "experiment_shown")},
        ),
        (
            "Links",
            {"fields": (("utm_source", "utm_medium", "utm_campaign"),), "classes": ("collapse",)},
        ),
    )
    empty_state = {
        "icon": "campaign",
        "title": "Send your first campaign",
        "text": "A campaign brings a segment, a template and its content together. Before anything "
        "leaves you see whom it reaches, and what each of them would read.",
        "steps": [
            "Make a segment, a template and a sender identity.",
            "Add a campaign, and choose the rulesets that fill its slots.",
            "Look at previews, then launch.",
        ],
    }

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[FilledList]:
        return FilledList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        found: QuerySet[Campaign] = super().get_queryset(request)
        return found.select_related("purpose").prefetch_related("segments")

    def fill(self, found: list[Campaign], *, request: HttpRequest) -> None:
        """Count the sends of a page at once."""
        counts = progress.of([campaign.pk for campaign in found])
        for campaign in found:
            vars(campaign)["progress"] = counts[campaign.pk]

    @display(description="Campaign", ordering="name")
    def named(self, campaign: Campaign) -> SafeString:
        kind = "Imported history" if campaign.is_imported else campaign.get_kind_display()
        return format_html(
            '<span class="at-two">{}<small>{} · {}</small></span>',
            look.campaign_link(campaign),
            kind,
            campaign.purpose.name,
        )

    @display(description="Status", ordering="status")
    def status_shown(self, campaign: Campaign) -> SafeString:
        return look.status(campaign)

    @display(description="Sent")
    def progress_shown(self, campaign: Campaign) -> SafeString:
        counted: progress.Progress = vars(campaign)["progress"]
        if not counted.total:
            return quiet("nothing planned yet")
        return bar(counted.percent, text=f"{counted.sent:,} of {counted.total:,}")

    @display(description="Audience")
    def audience(self, campaign: Campaign) -> SafeString:
        names = [(chip(segment.name),) for segment in campaign.segments.all()]
        return format_html_join(" ", "{}", names) if names else quiet("–")

    @display(description="Launched", ordering="launched_at")
    def launched(self, campaign: Campaign) -> SafeString:
        return when(campaign.launched_at) if campaign.launched_at else quiet("not yet")

    # The form

    def get_readonly_fields(
        self, request: HttpRequest, obj: Campaign | None = None
    ) -> tuple[str, ...]:
        if not is_locked(obj):
            return ("experiment_shown",)
        names = (name for _, options in self.fieldsets for name in _flat(options["fields"]))
        return tuple(name for name in names if name not in ALWAYS)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Campaign | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj is not None else {"slug": ("name",)}

    def has_delete_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        return not is_locked(obj) and super().has_delete_permission(request, obj)

    @display(description="Experiment")
    def experiment_shown(self, campaign: Campaign) -> SafeString:
        experiment = getattr(campaign, "experiment", None)
        if experiment is not None:
            url = reverse("admin:campaigns_experiment_change", args=[experiment.pk])
            return format_html('<a class="cp-link" href="{}">{}</a>', url, experiment)
        if campaign.pk is None or is_locked(campaign):
            return quiet("none")
        url = reverse("admin:campaigns_experiment_add")
        return format_html(
            '<a class="cp-link" href="{}?campaign={}">Test two versions of it</a>', url, campaign.pk
        )

    def response_add(self, request: HttpRequest, obj: Campaign, *args: Any) -> HttpResponse:
        response: HttpResponse = super().response_add(request, obj, *args)
        return _to_page(request, obj, response)

    def response_change(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        return _to_page(request, obj, super().response_change(request, obj))

    # The pages around one campaign

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
            "results": ("results/", self.results_view),
            "launch": ("launch/", self.launch_view),
            "pause": ("pause/", require_POST(self.pause_view)),
            "resume": ("resume/", require_POST(self.resume_view)),
            "preview": ("preview/", self.preview_view),
            "preview_of": ("preview/<int:subject_id>/", self.preview_of_view),
            "preview_html": ("preview/<int:subject_id>/html/", self.preview_html_view),
        }
        own = [
            path(f"<int:object_id>/{place}", wrap(view), name=f"campaigns_campaign_{name}")
            for name, (place, view) in views.items()
        ]
        return [*own, *super().get_urls()]

    def results_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return campaign_page.results(self, request, object_id)

    def launch_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return campaign_page.launch(self, request, object_id)

    def pause_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return campaign_page.pause(self, request, object_id)

    def resume_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return campaign_page.resume(self, request, object_id)

    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return preview_page.choose(self, request, object_id)

    def preview_of_view(
        self, request: HttpRequest, object_id: int, subject_id: int
    ) -> HttpResponse:
        return preview_page.show(self, request, object_id, subject_id=subject_id)

    def preview_html_view(
        self, request: HttpRequest, object_id: int, subject_id: int
    ) -> HttpResponse:
        return preview_page.frame(self, request, object_id, subject_id=subject_id)


def _flat(fields: Any) -> list[str]:
    found: list[str] = []
    for field in fields:
        found += [field] if isinstance(field, str) else field
    return found


def _to_page(request: HttpRequest, campaign: Campaign, response: HttpResponse) -> HttpResponse:
    """Lead from the form to the campaign's page, unless another button was pressed."""
    if "_save" in request.POST and response.status_code == 302:
        return redirect("admin:campaigns_campaign_results", campaign.pk)
    return response
