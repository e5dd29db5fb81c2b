"""Content blocks: what a slot can show, in variants, with a fallback that is content, too."""

from django.db import models

from personalization.models.version import Version, Versioned


class ContentBlock(Versioned):
    live = models.ForeignKey(
        "ContentBlockVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta(Versioned.Meta):
        verbose_name = "content block"


class ContentBlockVersion(Version):
    """`content`: `{"variants": [{key, name, html, text}], "fallback": <key of a variant>}`.

    A variant can have `languages`: `[{language, name, html, text}]`; then `language` says which
    one the variants themselves, the default, are written in.
    """

    of = models.ForeignKey(ContentBlock, on_delete=models.CASCADE, related_name="versions")

    class Meta(Version.Meta):
        constraints = [
            models.UniqueConstraint(fields=["of", "number"], name="personalization_block_version")
        ]
