"""The pages around one import: upload, columns, check, load, result, undo."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from consent import jobs
from consent.admin.base import ModelAdmin, actor
from consent.models import Job
from personalization import tasks
from personalization.admin.import_form import UploadForm, chosen_columns
from personalization.importing import intake, mapping, rejected, undo, uploads
from personalization.importing.rows import UnreadableError
from personalization.models import ImportRun

Owner = ModelAdmin[ImportRun]
Page = Callable[[Owner, HttpRequest, int], HttpResponseBase]
State = ImportRun.State
ERRORS_SHOWN = 20
_GONE = "This import is past that step."


def bound(page: Page, *, admin: Owner) -> Callable[..., HttpResponseBase]:
    return partial(page, admin)


def upload(admin: Owner, request: HttpRequest) -> HttpResponse:
    """GET asks for a file; POST keeps it and leads on to its columns."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            taken = intake.take(
                given["file"].chunks(),
                name=given["file"].name,
                kind=given["kind"],
                source=form.source(),
                actor=actor(request),
                now=timezone.now(),
            )
        except UnreadableError as error:
            form.add_error("file", f"{error}.")
        else:
            return _to_sheet(taken.pk)
    limit = uploads.limit_bytes() // 1_000_000
    return _show(admin, request, "attune/import_upload.html", form=form, limit_mb=limit)


def sheet(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Show where an import stands and what can be done next."""
    taken = _found(admin, request, object_id)
    wants_columns = request.GET.get("step") == "columns" or taken.check_job is None
    if wants_columns and taken.state in (State.UPLOADED, State.CHECKED):
        return _columns(admin, request, taken)
    return _show(admin, request, "attune/import.html", **_standing(request, taken))


def check(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Take the choice of columns and have the file read without writing."""
    taken = _found(admin, request, object_id, verb="add")
    chosen = chosen_columns(request.POST)
    faults = mapping.problems(chosen, kind=taken.kind)
    if faults:
        for fault in faults:
            messages.error(request, fault)
        return _columns(admin, request, taken, chosen=chosen)
    job = intake.ask_check(taken.pk, mapping=chosen, actor=actor(request))
    return _begun(request, taken, job=job, step="check")


def load(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    taken = _found(admin, request, object_id, verb="add")
    job = intake.ask_load(taken.pk, actor=actor(request), now=timezone.now())
    return _begun(request, taken, job=job, step="load")


def undo_page(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """GET says what would be undone; POST has it done."""
    taken = _found(admin, request, object_id, verb="change")
    if request.method == "POST":
        return _begun(request, taken, job=undo.ask(taken.pk, actor=actor(request)), step="undo")
    if not undo.may_undo(taken):
        messages.info(request, _GONE)
        return _to_sheet(taken.pk)
    preview = undo.preview(taken)
    return _show(admin, request, "attune/import_undo.html", run=taken, preview=preview)


def cancel(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask whatever runs to stop at its next step."""
    taken = _found(admin, request, object_id, verb="add")
    job = _current(taken)
    if job is not None and intake.is_going_on(job):
        jobs.cancel(job)
        messages.success(request, "It stops at the next step. What is done so far stays.")
    return _to_sheet(taken.pk)


def discard(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    taken = _found(admin, request, object_id, verb="add")
    if not intake.discard(taken.pk, actor=actor(request)):
        messages.error(request, _GONE)
        return _to_sheet(taken.pk)
    messages.success(request, "The file is thrown away. Nothing of it was loaded.")
    return redirect("admin:personalization_importrun_changelist")


def progress(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Tell a page that waits how far the job is."""
    job = _current(_found(admin, request, object_id))
    if job is None:
        raise Http404
    return JsonResponse(
        {
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "is_going_on": intake.is_going_on(job),
        }
    )


def rejected_rows(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponseBase:
    """Hand out the list of what was refused: line, column, reason."""
    taken = _found(admin, request, object_id)
    file = rejected.path_for(uploads.path(taken.stored_as)) if taken.stored_as else None
    if file is None or not file.is_file():
        raise Http404("The list of refused rows is gone; the job keeps the first 1,000.")
    return FileResponse(
        file.open("rb"), as_attachment=True, filename=f"import-{taken.pk}-refused.csv"
    )


def _posted(page: Page) -> Page:
    """Let a page be reached by POST only: it changes something."""

    def guarded(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return page(admin, request, object_id)

    return guarded


PAGES: Mapping[str, Page] = {
    "check": _posted(check),
    "load": _posted(load),
    "undo": undo_page,
    "cancel": _posted(cancel),
    "discard": _posted(discard),
    "progress": progress,
    "rejected": rejected_rows,
}


def _found(admin: Owner, request: HttpRequest, object_id: int, *, verb: str = "view") -> ImportRun:
    if not request.user.has_perm(f"personalization.{verb}_importrun"):
        raise PermissionDenied
    related = ("source", "check_job", "load_job", "undo_job", "created_by")
    found = ImportRun.objects.select_related(*related).filter(pk=object_id).first()
    if found is None:
        raise Http404
    return found


def _begun(request: HttpRequest, taken: ImportRun, *, job: Job | None, step: str) -> HttpResponse:
    if job is None:
        messages.info(request, _GONE)
    else:
        tasks.work_on_import.delay_on_commit(taken.pk, step)
    return _to_sheet(taken.pk)


def _to_sheet(pk: int) -> HttpResponse:
    return redirect("admin:personalization_importrun_change", pk)


def _columns(
    admin: Owner, request: HttpRequest, taken: ImportRun, *, chosen: Mapping[str, str] | None = None
) -> HttpResponse:
    try:
        columns = mapping.look_at(
            uploads.path(taken.stored_as), kind=taken.kind, chosen=chosen or taken.mapping
        )
    except UnreadableError as error:
        text = str(error).replace(str(uploads.folder() / taken.stored_as), taken.file_name)
        return _show(admin, request, "attune/import.html", run=taken, fault=f"{text}.")
    ours = mapping.targets(taken.kind)
    return _show(
        admin,
        request,
        "attune/import_columns.html",
        run=taken,
        columns=columns,
        left_out=[column.name for column in columns if not column.target],
        targets=ours,
        required=[target for target in ours if target.is_required],
        keeps_rest=taken.kind == ImportRun.Kind.PRODUCTS,
        step="columns",
    )


def _standing(request: HttpRequest, taken: ImportRun) -> dict[str, Any]:
    job = _current(taken)
    listed = None
    if taken.stored_as:
        listed = rejected.path_for(uploads.folder() / taken.stored_as)
    return {
        "run": taken,
        "job": job,
        "step": _step(taken),
        "is_going_on": intake.is_going_on(job),
        "is_stopping": job is not None and job.cancel_asked,
        "figures": _figures(job),
        "errors": list(job.errors.all()[:ERRORS_SHOWN]) if job else [],
        "has_list": listed is not None and listed.is_file(),
        "may_load": intake.may_load(taken) and request.user.has_perm(_ADD),
        "may_undo": undo.may_undo(taken) and request.user.has_perm(_CHANGE),
        "may_change": taken.state in (State.UPLOADED, State.CHECKED)
        and request.user.has_perm(_ADD),
        "may_cancel": request.user.has_perm(_ADD),
    }


_ADD, _CHANGE = "personalization.add_importrun", "personalization.change_importrun"
_WORDS: Mapping[str, str] = {
    "loaded": "taken",
    "unchanged": "known already",
    "rejected": "refused",
    "consents": "consent statements",
    "refused_values": "sensitive values not kept",
    "unknown_products": "lines without their product",
    "put_back": "put back",
    "removed": "removed",
    "emptied": "emptied, kept for the ledger",
    "switched_off": "switched off",
    "withdrawn": "consents withdrawn",
    "left": "changed since, left alone",
}


def _figures(job: Job | None) -> list[tuple[str, int]]:
    """Return what the job came to, in words; what is zero goes without saying."""
    if job is None:
        return []
    always = {"loaded", "rejected"} & job.result.keys()
    return [
        (_would(words, job=job), count)
        for name, words in _WORDS.items()
        if isinstance(count := job.result.get(name), int) and (count or name in always)
    ]


def _would(words: str, *, job: Job) -> str:
    return f"would be {words}" if job.result.get("is_dry_run") and words == "taken" else words


def _current(taken: ImportRun) -> Job | None:
    return taken.undo_job or taken.load_job or taken.check_job


def _step(taken: ImportRun) -> str:
    if taken.undo_job is not None:
        return "undo"
    if taken.load_job is not None:
        return "result" if taken.state == State.LOADED else "load"
    return "check"


def _show(admin: Owner, request: HttpRequest, template: str, **found: Any) -> HttpResponse:
    run = found.get("run")
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": str(run) if run else "Import a file",
        "media": admin.media,
        "original": run,
        **found,
    }
    return TemplateResponse(request, template, context)
