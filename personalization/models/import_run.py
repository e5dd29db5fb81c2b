"""A file on its way in: uploaded, mapped, checked, loaded, and undone if it was the wrong one."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from consent.models import Job
from personalization.models.source import Source


class ImportRun(models.Model):
    class Kind(models.TextChoices):
        CUSTOMERS = "customers", "Customers"
        PRODUCTS = "products", "Products"
        EVENTS = "events", "Events"

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        CHECKED = "checked", "Checked"
        LOADING = "loading", "Loading"
        LOADED = "loaded", "Loaded"
        UNDONE = "undone", "Undone"

    kind = models.CharField(max_length=10, choices=Kind)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="imports")
    state = models.CharField(max_length=8, choices=State, default=State.UPLOADED)
    file_name = models.CharField(max_length=200, help_text="As the person who chose it calls it.")
    # Under var/imports/, removed once it is loaded; empty for a command's run.
    stored_as = models.CharField(max_length=100, blank=True, editable=False)
    size = models.PositiveBigIntegerField(default=0)
    # Their column to ours.
    mapping: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    check_job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    load_job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    undo_job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # The moment that its events and their keys carry; the same when it is taken up again.
    began_at = models.DateTimeField(null=True, blank=True)
    loaded_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.file_name}"


class ImportedRow(models.Model):
    """What stood in a row before an import changed it; undoing puts it back where it still is
    as the import left it. Events carry the import's id themselves."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows")
    # The subject for customers, the product for products.
    subject_id = models.BigIntegerField(null=True)
    product_id = models.BigIntegerField(null=True)
    is_new = models.BooleanField(default=False)
    # Plain columns as JSON; what is personal stays in its own sealed form.
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    personal_before = models.BinaryField(null=True, editable=False)
    # Tells whether somebody else changed the row since.
    after_hash = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["run", "id"])]

    def __str__(self) -> str:
        return f"row {self.pk} of import {self.run_id}"
