"""Rulesets: a decision table that reads from top to bottom."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent.admin.look import figure
from personalization.admin import rule_doors, simulation_page
from personalization.admin.editor import JsonEditorForm
from personalization.admin.segment import condition_config
from personalization.admin.versioned import VersionedAdmin
from personalization.comparison import rules_by_name, tell_ruleset
from personalization.models import RuleSet, Version
from personalization.profiles import catalogue
from personalization.rules import choices, publish
from personalization.rules.wording import HIT_POLICIES
from personalization.versions import Content


class RuleSetForm(JsonEditorForm[RuleSet]):
    publisher = publish.publisher
    blank = {"hit_policy": "first", "rules": [], "fallback": {}}
    kind = "ruleset"

    class Meta:
        model = RuleSet
        fields = ("name", "slug", "description")


@register(RuleSet)
class RuleSetAdmin(VersionedAdmin[RuleSet]):
    form = RuleSetForm
    publisher = publish.publisher
    editor_template = "attune/versioned/ruleset.html"
    list_display = ("named", "state", "rule_count")
    empty_state = {
        "icon": "alt_route",
        "title": "No rulesets yet",
        "text": "A ruleset decides what one place of an email shows to whom. It is read from top "
        "to bottom, and the last line catches everyone else, so no place is ever empty.",
        "steps": (
            "Put at least one content block live; rules choose between blocks and variants.",
            "Add a ruleset, then its rules: who, and what they see.",
            "Say what everyone else sees, and put it live.",
        ),
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        # The number of rules is read from the live content, which is small.
        return super().get_queryset(request).defer(None)

    def tell(self, content: Content) -> Content:
        return tell_ruleset(content, catalogue=catalogue.load(), called=choices.called())

    def labels(self, before: Content, after: Content) -> Mapping[str, str]:
        return rules_by_name(before, after)

    def consequence(self, thing: RuleSet, before: Version, after: Version) -> SafeString:
        simulation = reverse("admin:personalization_ruleset_simulate", args=[thing.pk])
        return format_html(
            '<a class="at-link" href="{}?before={}&amp;after={}">What would change for whom</a>',
            simulation,
            before.number,
            after.number,
        )

    @display(description="Rules")
    def rule_count(self, ruleset: RuleSet) -> SafeString:
        return figure(len(ruleset.live.content["rules"]) if ruleset.live else None)

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **condition_config(),
            **rule_doors.outcome_config(),
            "hitPolicies": HIT_POLICIES,
            "checkUrl": reverse("admin:personalization_ruleset_check"),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(rule_doors.checked))
        return [
            path("check/", view, name="personalization_ruleset_check"),
            *simulation_page.urls(self),
            *super().get_urls(),
        ]
