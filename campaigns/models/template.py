"""Email templates: subject, MJML with Liquid, and a plain text of its own."""

from django.db import models

from personalization.models import Version, Versioned


class Template(Versioned):
    live = models.ForeignKey(
        "TemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )


class TemplateVersion(Version):
    """`content`: `{"subject", "preheader", "mjml", "html" (compiled from mjml), "text"}`."""

    of = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="campaigns_template_version")
        ]
