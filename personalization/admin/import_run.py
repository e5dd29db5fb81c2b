"""Imports: files on their way in, and the addresses of the pages around one of them."""

from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from consent.admin.base import ReadOnlyAdmin
from consent.admin.job import TONES
from consent.admin.look import Tone, bar, chip, figure, quiet, two_lines, when
from consent.models import Job
from personalization.admin import import_page
from personalization.models import ImportRun


@register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin[ImportRun]):
    list_display = ("named", "kind", "state_shown", "taken", "refused", "by", "at")
    list_filter = ("kind", "state", "source")
    list_select_related = ("source", "check_job", "load_job", "undo_job", "created_by")
    empty_state = {
        "icon": "upload_file",
        "title": "No imports yet",
        "text": "Customers, products and events come in as CSV, JSON lines or Parquet. Nothing is "
        "written before you saw what a file holds, and an import can be undone.",
        "steps": (
            "Add an import and choose a file.",
            "Say which column is which; a check reads the whole file and writes nothing.",
            "Load it. What was refused is a file to download, with line, column and reason.",
        ),
    }

    class Media:
        css = {"all": ("attune/imports.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("personalization.add_importrun")

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(
                f"<int:object_id>/{name.replace('_', '-')}/",
                self.admin_site.admin_view(import_page.bound(page, admin=self)),
                name=f"personalization_importrun_{name}",
            )
            for name, page in import_page.PAGES.items()
        ]
        return [*ours, *super().get_urls()]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return import_page.upload(self, request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return import_page.sheet(self, request, int(object_id) if object_id.isdecimal() else 0)

    @display(description="File", ordering="file_name")
    def named(self, run: ImportRun) -> SafeString:
        return two_lines(run.file_name, run.source.name)

    @display(description="State", ordering="state")
    def state_shown(self, run: ImportRun) -> SafeString:
        job = run.undo_job or run.load_job or run.check_job
        if job is not None and job.state == Job.State.RUNNING:
            return bar(job.percent, text=f"{job.done:,} rows")
        if job is not None and job.state != Job.State.DONE:
            return chip(job.get_state_display(), tone=TONES[job.state])
        tone: Tone = "good" if run.state == ImportRun.State.LOADED else "quiet"
        return chip(run.get_state_display(), tone=tone)

    @display(description="Rows taken")
    def taken(self, run: ImportRun) -> SafeString:
        return _figure(run.load_job, name="loaded")

    @display(description="Refused")
    def refused(self, run: ImportRun) -> SafeString:
        return _figure(run.load_job or run.check_job, name="rejected")

    @display(description="By")
    def by(self, run: ImportRun) -> SafeString:
        return quiet(run.created_by or "a command")

    @display(description="When", ordering="id")
    def at(self, run: ImportRun) -> SafeString:
        return when(run.created_at)


def _figure(job: Job | None, *, name: str) -> SafeString:
    found = job.result.get(name) if job is not None else None
    return figure(found if isinstance(found, int) else None)
