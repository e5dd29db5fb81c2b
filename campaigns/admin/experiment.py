"""Experiments: arms with weights and a holdout; nothing can be changed once mails are out."""

import secrets
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin.look import campaign_link, status
from campaigns.models import Campaign, Experiment, ExperimentArm
from consent.admin.base import PageAdmin, TabularInline
from consent.admin.look import chip, chips, two_lines


def is_locked(experiment: Experiment | None) -> bool:
    """Whoever is dealt anew after the launch spoils the figures, so the arms stay as they were."""
    return experiment is not None and experiment.campaign.launched_at is not None


class ArmInline(TabularInline[ExperimentArm, Experiment]):
    model = ExperimentArm
    fields = ("key", "name", "weight", "subject")
    extra = 0
    min_num = 2
    verbose_name = "arm"

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return not is_locked(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return not is_locked(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return not is_locked(obj) and super().has_delete_permission(request, obj)


@admin.register(Experiment)
class ExperimentAdmin(PageAdmin[Experiment]):
    list_display = ("named", "of", "state", "arms_shown", "metric", "holdout")
    list_filter = ("metric", "campaign__status")
    search_fields = ("name", "hypothesis", "campaign__name")
    inlines = (ArmInline,)
    fieldsets = (
        ("Question", {"fields": ("campaign", "name", "hypothesis", "metric")}),
        (
            "Holdout",
            {
                "fields": ("holdout_percent",),
                "description": "People who get no mail at all: what they buy shows what mailing is "
                "worth. Arms and holdout are drawn by a fixed hash, so a person stays in theirs.",
            },
        ),
    )
    empty_state = {
        "icon": "science",
        "title": "Find out what works",
        "text": "An experiment sends two or more versions of one campaign to random parts of its "
        "audience, and can hold a share back to measure what mailing is worth at all.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        found: QuerySet[Experiment] = super().get_queryset(request)
        return found.select_related("campaign").prefetch_related("arms")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer only campaigns that are not out yet: their audience is not dealt so far."""
        if db_field.name == "campaign":
            kwargs["queryset"] = Campaign.objects.filter(launched_at=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: Any) -> None:
        obj.seed = obj.seed or secrets.token_hex(8)
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return not is_locked(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        return not is_locked(obj) and super().has_delete_permission(request, obj)

    @display(description="Experiment", ordering="name")
    def named(self, experiment: Experiment) -> SafeString:
        return two_lines(experiment.name, experiment.hypothesis or "No hypothesis written down")

    @display(description="Campaign", ordering="campaign__name")
    def of(self, experiment: Experiment) -> SafeString:
        return campaign_link(experiment.campaign)

    @display(description="Campaign is", ordering="campaign__status")
    def state(self, experiment: Experiment) -> SafeString:
        return status(experiment.campaign)

    @display(description="Arms")
    def arms_shown(self, experiment: Experiment) -> SafeString:
        return chips(*(chip(arm, title=f"weight {arm.weight}") for arm in experiment.arms.all()))

    @display(description="Holdout", ordering="holdout_percent")
    def holdout(self, experiment: Experiment) -> SafeString:
        return format_html("{} %", experiment.holdout_percent)
