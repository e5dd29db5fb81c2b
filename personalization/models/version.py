"""One versioning for everything that decides: immutable versions and a pointer to the live one.

A thing (segment, ruleset, block, template) has drafts; a draft that is put live is frozen by a
trigger of the database and stays for ever, so a receipt can name what decided.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class Versioned(models.Model):
    """A named thing whose behaviour lives in its versions. Subclasses add `live`."""

    slug = models.SlugField(max_length=80, unique=True, help_text="Short name for links and API.")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    is_archived = models.BooleanField(default=False, editable=False)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One state of a thing. Subclasses add the key `of` to the thing."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        REVIEW = "review", "In review"
        LIVE = "live", "Live"
        RETIRED = "retired", "Retired"

    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    content: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    note = models.CharField(max_length=200, blank=True, help_text="What changed, and why.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # What whoever sent it back from review asks for; empty again once it is submitted anew.
    review_comment = models.CharField(max_length=500, blank=True, default="", db_default="")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"version {self.number} ({self.get_state_display().lower()})"
