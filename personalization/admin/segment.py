"""Segments: who they hold, said in a sentence, counted while one edits."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent.admin.look import figure, when
from personalization.admin import previews
from personalization.admin.editor import JsonEditorForm
from personalization.admin.versioned import VersionedAdmin
from personalization.admin.vocabulary import vocabulary
from personalization.comparison import tell_segment
from personalization.models import Segment
from personalization.profiles import catalogue
from personalization.segments import publish
from personalization.versions import Content, Problem


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
    list_display = ("named", "state", "members", "counted")
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

    def tell(self, content: Content) -> Content:
        return tell_segment(content, catalogue=catalogue.load())

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        return condition_config()

    @display(description="Customers", ordering="member_count")
    def members(self, segment: Segment) -> SafeString:
        return figure(segment.member_count if segment.counted_at else None)

    @display(description="Counted", ordering="counted_at")
    def counted(self, segment: Segment) -> SafeString:
        return when(segment.counted_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [
            path("preview/", view, name="personalization_segment_preview"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Answer the builder: sentence, count, sample, or what is wrong where."""
        return previews.condition(request)


def condition_config() -> dict[str, Any]:
    """Return what a condition builder needs, on whatever page it stands."""
    names = dict(Segment.objects.order_by("name").values_list("slug", "name"))
    return {
        "vocabulary": vocabulary(catalogue.load(), segment_names=names),
        "previewUrl": reverse("admin:personalization_segment_preview"),
    }
