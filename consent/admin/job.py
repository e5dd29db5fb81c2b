"""Jobs: long actions with their progress, a way to stop them, and the rows they refused."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import action, display, register
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from consent import jobs
from consent.admin.base import ReadOnlyAdmin, ReadOnlyInline
from consent.admin.ledgers import payload
from consent.admin.look import Tone, bar, chip, figure, quiet, two_lines, when
from consent.models import Job, JobError

TONES: dict[str, Tone] = {
    "queued": "quiet",
    "running": "info",
    "done": "good",
    "failed": "bad",
    "cancelled": "warn",
}
GOING_ON = (Job.State.QUEUED, Job.State.RUNNING)


class JobErrorInline(ReadOnlyInline[JobError, Job]):
    model = JobError
    fields = ("line", "column", "reason")
    readonly_fields = fields
    per_page = 50
    verbose_name_plural = "refused rows"


@register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    list_display = ("named", "state_shown", "progress", "refused", "started", "took")
    list_filter = ("state", "kind")
    list_select_related = ("actor",)
    actions = ("cancel",)
    inlines = (JobErrorInline,)
    fields = (
        "named", "state_shown", "progress", "message", "result_shown", "actor", "created_at",
        "started_at", "ended_at",
    )  # fmt: skip
    readonly_fields = ("named", "state_shown", "progress", "result_shown")
    empty_state = {
        "icon": "pending_actions",
        "title": "No jobs yet",
        "text": "Imports, trainings and other long work show here while they run: how far they "
        "are, what they refused and why. They can be stopped and taken up again.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).annotate(error_count=Count("errors"))

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consent.change_job")

    @action(description="Stop at the next step", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        chosen = list(queryset.filter(state__in=GOING_ON))
        for job in chosen:
            jobs.cancel(job)
        messages.success(request, f"{len(chosen)} asked to stop. What is done so far stays.")

    @display(description="Job", ordering="id")
    def named(self, job: Job) -> SafeString:
        return two_lines(job.label or job.kind, job.kind)

    @display(description="State", ordering="state")
    def state_shown(self, job: Job) -> SafeString:
        if job.state == Job.State.RUNNING and job.cancel_asked:
            return chip("Stopping", tone="warn")
        return chip(job.get_state_display(), tone=TONES[job.state])

    @display(description="Progress")
    def progress(self, job: Job) -> SafeString:
        total = f" of {job.total:,}" if job.total else ""
        ended = job.state not in GOING_ON
        percent = 100 if ended and job.total is None else job.percent
        return bar(percent, text=f"{job.done:,}{total}")

    @display(description="Refused rows")
    def refused(self, job: Job) -> SafeString:
        count: Any = getattr(job, "error_count", 0)
        return chip(f"{count:,}", tone="warn") if count else quiet("0")

    @display(description="Started", ordering="started_at")
    def started(self, job: Job) -> SafeString:
        return when(job.started_at or job.created_at)

    @display(description="Took")
    def took(self, job: Job) -> SafeString:
        if job.started_at is None or job.ended_at is None:
            return quiet("–")
        return figure((job.ended_at - job.started_at).total_seconds(), unit="s", digits=1)

    @display(description="Result")
    def result_shown(self, job: Job) -> SafeString:
        return payload(job.result)
