"""Content blocks: variants with their HTML and text, shown as a reader gets them."""

from typing import Any

from django.conf import settings
from django.contrib.admin import display, register
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent.admin.look import figure
from personalization.admin import previews
from personalization.admin.editor import JsonEditorForm
from personalization.admin.versioned import VersionedAdmin
from personalization.comparison import tell_block
from personalization.content import blocks, languages
from personalization.content.language_names import NAMES
from personalization.content.own import block_variables
from personalization.content.preview import preview
from personalization.models import ContentBlock
from personalization.versions import Content


class ContentBlockForm(JsonEditorForm[ContentBlock]):
    publisher = blocks.publisher
    blank = {"variants": [{"key": "a", "name": "", "html": "", "text": ""}], "fallback": "a"}
    kind = "block"

    class Meta:
        model = ContentBlock
        fields = ("name", "slug", "description")

    def clean_content(self) -> Content:
        content = super().clean_content()
        variants = content.get("variants")
        if not isinstance(variants, list) or not all(isinstance(each, dict) for each in variants):
            raise ValidationError("“variants” is a list of objects.", code="invalid")
        return content


@register(ContentBlock)
class ContentBlockAdmin(VersionedAdmin[ContentBlock]):
    form = ContentBlockForm
    publisher = blocks.publisher
    editor_template = "attune/versioned/block.html"
    list_display = ("named", "state", "variant_count", "spoken")
    empty_state = {
        "icon": "widgets",
        "title": "No content blocks yet",
        "text": "A block is a piece of an email, such as the hero, in one or more variants. Rules "
        "choose the variant; the fallback is shown when nothing else fits.",
        "steps": (
            "Add a block and write its first variant, as HTML and as plain text.",
            "Greet with {{ customer.first_name | default: 'there' }}: a missing name stays nice.",
            "Look at it as a customer we know and as one we know nothing about. Put it live.",
        ),
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        # The number of variants is read from the live content.
        return super().get_queryset(request).defer(None)

    def tell(self, content: Content) -> Content:
        return tell_block(content)

    @display(description="Variants")
    def variant_count(self, block: ContentBlock) -> SafeString:
        return figure(len(block.live.content["variants"]) if block.live else None)

    @display(description="Languages")
    def spoken(self, block: ContentBlock) -> str:
        tags = blocks.languages_of(block.live.content) if block.live else []
        return ", ".join(map(languages.name, tags))

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "variables": block_variables(),
            "languages": NAMES,
            # What the default is probably written in, once there is another language.
            "language": settings.LANGUAGE_CODE.partition("-")[0],
            "previewUrl": reverse("admin:personalization_contentblock_preview"),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [
            path("preview/", view, name="personalization_contentblock_preview"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Render a variant as the editor has it now, for a made-up reader."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        body = previews.read(request)
        shown = preview(
            html=str(body.get("html") or ""),
            text=str(body.get("text") or ""),
            reader="unknown" if body.get("reader") == "unknown" else "known",
            language=languages.tag(str(body.get("language") or "")),
        )
        return JsonResponse(
            {"html": shown.html, "text": shown.text, "problems": previews.problems(shown.problems)}
        )
