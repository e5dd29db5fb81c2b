"""Sources: how to connect them, what comes in, and how good it is."""

from typing import Any, Final

from django.contrib.admin import display, register
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from consent.admin.base import ChangeList, PageAdmin, actor
from consent.admin.look import chip, chips, figure, quiet, two_lines, when
from personalization.admin import charts, source_keys, source_page
from personalization.admin.source_form import SourceForm
from personalization.models import Source
from personalization.quality import report
from personalization.quality.report import Glance
from personalization.sources import write_keys

# What a page of the list carries on its rows, loaded for all rows at once.
GLANCE: Final = "attune_glance"


class SourceList(ChangeList):
    """Looks at all listed sources at once: two queries, however many rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Source] = list(self.result_list)
        found = report.glances(rows, now=timezone.now())
        for row in rows:
            setattr(row, GLANCE, found[row.pk])
        self.result_list = rows


@register(Source)
class SourceAdmin(PageAdmin[Source]):
    form = SourceForm
    change_form_template = "attune/source.html"
    list_display = ("named", "kind_shown", "last_event", "days", "lag", "faults", "state")
    list_filter = ("kind", "is_active", "is_generated")
    prepopulated_fields = {"slug": ("name",)}
    actions = None
    empty_state = {
        "icon": "input",
        "title": "No sources yet",
        "text": "A source is a place data comes from: a website, a shop, a CRM, a file. Each has a "
        "key of its own, so that you see what it sends, and can switch it off alone.",
        "steps": (
            "Add a source and choose what it is.",
            "Copy the snippet with its key into your website, or the address into your shop.",
            "Come back here: the first event shows within seconds.",
        ),
    }

    class Media:
        css = {"all": ("attune/sources.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SourceList

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("secrets")

    def get_fieldsets(self, request: HttpRequest, obj: Source | None = None) -> Any:
        return source_page.fieldsets(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        """Values and customer numbers are kept under the short name: it never changes."""
        return ("slug", "kind") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_urls(self) -> list[URLPattern]:
        pages = {"write-key": source_keys.write_key, "secret": source_keys.secret}
        ours = [
            path(
                f"<int:object_id>/{name}/",
                self.admin_site.admin_view(source_keys.bound(page, admin=self)),
                name=f"personalization_source_{name.replace('-', '_')}",
            )
            for name, page in pages.items()
        ]
        return [*ours, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if obj.kind == Source.Kind.COLLECTOR and obj.write_key is None:
            write_keys.issue(obj, actor=actor(request))

    def response_add(
        self, request: HttpRequest, obj: Source, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead on to the page that says how to connect it."""
        self.message_user(request, f"{obj} is there. Connect it now: this page shows how.")
        return redirect("admin:personalization_source_change", obj.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        source = self.get_object(request, object_id)
        found: dict[str, Any] = {}
        if source is not None and self.has_view_permission(request, source):
            found = source_page.of(source, request=request, now=timezone.now())
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **found})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events name their source for as long as they are kept."""
        return False

    @display(description="Source", ordering="name")
    def named(self, source: Source) -> SafeString:
        return two_lines(source.name, source.slug)

    @display(description="Kind", ordering="kind")
    def kind_shown(self, source: Source) -> SafeString:
        made_up = chip("Generated", tone="info") if source.is_generated else SafeString()
        return chips(chip(source.get_kind_display()), made_up)

    @display(description="Last event", ordering="last_event_at")
    def last_event(self, source: Source) -> SafeString:
        return when(source.last_event_at)

    @display(description="Events a day")
    def days(self, source: Source) -> SafeString:
        tally = _glance(source).tally
        noun = "event" if tally.arrived == 1 else "events"
        words = f"{tally.arrived:,} {noun} in {len(tally.days)} days"
        return charts.sparkline([day.arrived for day in tally.days], words=words)

    @display(description="Lag")
    def lag(self, source: Source) -> SafeString:
        seconds = _glance(source).tally.lag_of(0.95)
        words = "95 of 100 events arrive within this time"
        return quiet("–") if seconds is None else chip(charts.lag_words(seconds), title=words)

    @display(description="In quarantine")
    def faults(self, source: Source) -> SafeString:
        count = _glance(source).in_quarantine
        return chip(f"{count:,}", tone="bad") if count else figure(0)

    @display(description="State", ordering="is_active")
    def state(self, source: Source) -> SafeString:
        return source_page.state(source, alerts=_glance(source).alerts)


def _glance(source: Source) -> Glance:
    found: Glance = getattr(source, GLANCE)
    return found
