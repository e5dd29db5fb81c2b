"""Email templates: subject, MJML with Liquid, plain text; shown as a reader gets them."""

from typing import Any

from django import forms
from django.contrib.admin import display, register
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from campaigns.models import Template
from campaigns.rendering import publish
from campaigns.rendering.preview import preview
from consent.admin.look import when
from personalization.admin import previews
from personalization.admin.editor import EditorForm
from personalization.admin.versioned import VersionedAdmin
from personalization.content import blocks, languages
from personalization.versions import Content, Problem

START = """<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>Hello {{ customer.first_name | default: "there" }},</mj-text>
        <mj-text>{{ blocks.hero.html }}</mj-text>
        <mj-text>{{ sender.postal_address }}<br>
          <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
START_TEXT = """Hello {{ customer.first_name | default: "there" }},

{{ blocks.hero.text }}

{{ sender.postal_address }}
Unsubscribe: {{ unsubscribe_url }}
"""


def code(rows: int) -> forms.Textarea:
    """Return a text area that a script gives line numbers; it works without, too."""
    attrs = {"rows": rows, "class": "at-code", "spellcheck": "false", "data-at-code": "1"}
    return forms.Textarea(attrs=attrs)


class TemplateForm(EditorForm[Template]):
    publisher = publish.publisher
    blank = {"subject": "", "preheader": "", "mjml": START, "text": START_TEXT}

    subject = forms.CharField(
        widget=forms.TextInput(attrs={"class": "at-input"}), strip=False, required=False
    )
    preheader = forms.CharField(
        widget=forms.TextInput(attrs={"class": "at-input"}), strip=False, required=False
    )
    mjml = forms.CharField(widget=code(26), strip=False, required=False)
    text = forms.CharField(widget=code(12), strip=False, required=False)

    class Meta:
        model = Template
        fields = ("name", "slug", "description")

    def fields_of(self, content: Content) -> dict[str, object]:
        return {part: content.get(part, "") for part in publish.PARTS}

    def content_of(self, cleaned: dict[str, Any]) -> Content:
        # A browser sends line ends of its own; versions are compared, so they keep ours.
        return {part: cleaned[part].replace("\r\n", "\n") for part in publish.PARTS}

    def field_of(self, problem: Problem) -> str:
        return problem.path if problem.path in publish.PARTS else "mjml"

    def told(self, problem: Problem) -> str:
        if problem.line is None:
            return problem.message
        return f"Line {problem.line}, column {problem.column or 1}: {problem.message}"


@register(Template)
class TemplateAdmin(VersionedAdmin[Template]):
    form = TemplateForm
    publisher = publish.publisher
    editor_template = "attune/versioned/template.html"
    list_display = ("named", "state", "live_since")
    empty_state = {
        "icon": "draft",
        "title": "No templates yet",
        "text": "A template is the frame of an email: subject, layout in MJML, and a plain text "
        "of its own. Its slots are filled for each reader by rulesets.",
        "steps": (
            "Add a template; it starts with a frame that works everywhere.",
            "Print a slot with {{ blocks.hero.html }}, and the same as text below.",
            "Look at it on a desk and on a phone, for a known and an unknown reader.",
        ),
    }

    def tell(self, content: Content) -> Content:
        labels = {"subject": "Subject", "preheader": "Preheader", "mjml": "MJML", "text": "Text"}
        return {label: content.get(part, "") for part, label in labels.items()}

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        tags = blocks.languages_in_use()
        return {
            "variables": publish.names(),
            "previewUrl": reverse("admin:campaigns_template_preview"),
            "languages": [[tag, languages.name(tag)] for tag in tags],
        }

    @display(description="Live since")
    def live_since(self, template: Template) -> SafeString:
        return when(template.live.published_at if template.live else None)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [path("preview/", view, name="campaigns_template_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Render the template as the editor has it now, for a made-up reader."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        body = previews.read(request)
        shown = preview(
            {part: str(body.get(part) or "") for part in publish.PARTS},
            reader="unknown" if body.get("reader") == "unknown" else "known",
            language=languages.tag(str(body.get("language") or "")),
        )
        return JsonResponse(
            {
                "subject": shown.subject,
                "preheader": shown.preheader,
                "html": shown.html,
                "text": shown.text,
                "problems": previews.problems(shown.problems),
            }
        )
