"""Segments: who they hold, said in a sentence, counted while one edits."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent.admin.look import chip, figure, when
from consent.models import Purpose
from personalization.admin import condition_doors, segment_export, segment_page
from personalization.admin.editor import JsonEditorForm
from personalization.admin.segment_shelf import ShelfFilter
from personalization.admin.versioned import VersionedAdmin
from personalization.admin.vocabulary import vocabulary
from personalization.comparison import tell_segment
from personalization.models import Segment, Version
from personalization.profiles import behaviour, catalogue
from personalization.segments import health, publish
from personalization.tasks import keep_segments
from personalization.versions import Content, Problem

_ACTS: Mapping[str, segment_page.Page] = {
    "tend": segment_page.tend,
    "export": segment_export.export,
    "combine": segment_page.combine,
    "enlist": segment_page.enlist,
    "rename": segment_page.rename,
    "archive": segment_page.archive,
    "restore": segment_page.restore,
}


class SegmentForm(JsonEditorForm[Segment]):
    publisher = publish.publisher
    blank = {"tree": {"all": []}}
    kind = "segment"

    class Meta:
        model = Segment
        fields = ("name", "slug", "description")

    def fields_of(self, content: Content) -> dict[str, object]:
        return {"content": content["tree"]}

    def content_of(self, cleaned: dict[str, Any]) -> Content:
        return {"tree": cleaned["content"]}

    def more_problems(self, content: Content, cleaned: dict[str, Any]) -> Sequence[Problem]:
        chain = publish.cycle_through(cleaned["slug"], tree=content["tree"])
        if not chain:
            return ()
        way = " → ".join(chain)
        message = f"this segment would contain itself: {way}; leave one of them out"
        return (Problem(message, path="tree"),)


@register(Segment)
class SegmentAdmin(VersionedAdmin[Segment]):
    form = SegmentForm
    publisher = publish.publisher
    editor_template = "attune/versioned/segment.html"
    list_display = ("named", "standing", "members", "counted")
    list_filter = (ShelfFilter,)
    list_before_template = "attune/segment/new_list.html"
    empty_state = {
        "icon": "groups",
        "title": "No segments yet",
        "text": "A segment is a group of customers that fills itself: you say who belongs, "
        "Attune keeps it up to date and only ever uses data people agreed to.",
        "steps": (
            "Add a segment and name it as you would say it: “Bought cheese this month”.",
            "Put conditions together; the number of customers is counted while you edit.",
            "Put it live. Campaigns and rules can use it from then on.",
        ),
    }

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Campaigns are not offered what is archived."""
        found, has_repeats = super().get_search_results(request, queryset, search_term)
        is_offered = request.resolver_match and request.resolver_match.url_name == "autocomplete"
        return (found.filter(is_archived=False) if is_offered else found), has_repeats

    def tell(self, content: Content) -> Content:
        return tell_segment(content, catalogue=catalogue.load())

    def consequence(self, thing: Segment, before: Version, after: Version) -> SafeString:
        """Say who would enter and leave, where both can be counted."""
        found = condition_doors.changes_between(after.content["tree"], before.content["tree"])
        if found is None:
            return SafeString()
        entering, leaving = found
        about = "" if entering.is_exact else "about "
        return format_html(
            "<strong>{}{}</strong> would enter and <strong>{}{}</strong> would leave.",
            *(about, f"{entering.value:,}", about, f"{leaving.value:,}"),
        )

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        match = request.resolver_match
        own = match and match.kwargs.get("object_id")
        config = condition_config()
        return {**config, "segment": own, "vocabulary": {**config["vocabulary"], "own": own}}

    class Media:
        css = {"all": ("attune/sources.css", "attune/segments.css")}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A list has no condition to edit: its page is where it is changed."""
        segment = self.get_object(request, object_id)
        if segment is not None and segment.kind == Segment.Kind.LIST:
            return redirect("admin:personalization_segment_page", segment.pk)
        return super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        keep_segments.delay_on_commit()

    @display(description="State")
    def standing(self, segment: Segment) -> SafeString:
        if segment.is_archived:
            return chip("Archived", title="Nothing can use it until it is brought back")
        if segment.broken_since is not None:
            return chip("Broken", tone="bad", title=health.first(segment))
        if segment.kind == Segment.Kind.LIST:
            return chip("List", tone="info", title="Its members are chosen by hand")
        return self.state(segment)

    @display(description="Customers", ordering="member_count")
    def members(self, segment: Segment) -> SafeString:
        count = figure(segment.member_count if segment.counted_at else None)
        page = reverse("admin:personalization_segment_page", args=[segment.pk])
        return format_html('<a class="at-link" href="{}">{}</a>', page, count)

    @display(description="Counted", ordering="counted_at")
    def counted(self, segment: Segment) -> SafeString:
        return when(segment.counted_at)

    def get_urls(self) -> list[URLPattern]:
        return [
            *condition_doors.urls(self.admin_site.admin_view),
            path(
                "new-list/",
                self.admin_site.admin_view(require_POST(partial(segment_page.new_list, self))),
                name="personalization_segment_new_list",
            ),
            path(
                "<path:object_id>/members/",
                self.admin_site.admin_view(partial(segment_page.sheet, self)),
                name="personalization_segment_page",
            ),
            *(
                path(
                    f"<path:object_id>/members/{name}/",
                    self.admin_site.admin_view(require_POST(partial(page, self))),
                    name=f"personalization_segment_{name}",
                )
                for name, page in _ACTS.items()
            ),
            *super().get_urls(),
        ]


def condition_config() -> dict[str, Any]:
    """Return what a condition builder needs, on whatever page it stands."""
    return {
        "vocabulary": {
            **vocabulary(
                catalogue.load(),
                segments=list(Segment.objects.order_by("name").defer("live")),
                purposes=dict(Purpose.objects.values_list("code", "name")),
                volumes=behaviour.volumes(now=timezone.now()),
                properties=behaviour.properties(),
            ),
            "valuesUrl": reverse("admin:personalization_segment_values"),
        },
        **condition_doors.addresses(),
    }
