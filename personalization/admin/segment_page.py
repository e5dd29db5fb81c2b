"""The page of a segment: who is in it, how that changed and why, and what can be done."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.validators import slug_re
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from consent import audit
from consent.admin.base import PageAdmin, actor
from consent.models import Job
from personalization.admin import segment_past
from personalization.comparison import sentence
from personalization.conditions.tree import TreeError
from personalization.models import Segment
from personalization.profiles import catalogue, people
from personalization.segments import (
    archiving,
    difference,
    health,
    history,
    lists,
    overlap,
    publish,
    tending,
    timing,
    used,
    waiting,
)
from personalization.tasks import keep_segments, tend_segment
from personalization.versions import ContentInvalid

SEES_PEOPLE = "consent.view_personal_data"
DAYS, MOVED, CAUSES_DAYS, OTHERS = 60, 12, 30, 8

Owner: TypeAlias = PageAdmin[Any]
Page = Callable[[Owner, HttpRequest, str], HttpResponseBase]


def sheet(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show how a segment stands (a constant number of queries)."""
    segment = found(admin, request, object_id)
    now = timezone.now()
    known = catalogue.load()
    days = history.days(segment, count=DAYS, today=now.date())
    moved = history.lately(segment, count=MOVED)
    sees = request.user.has_perm("personalization.view_customerprofile")
    in_clear = request.user.has_perm(SEES_PEOPLE)
    names = people.of({each.profile_id for each in moved}, in_clear=in_clear) if sees else {}
    if in_clear and names:
        audit.note("segment.view_people", actor=actor(request), target=segment)
    tree = segment.live.content["tree"] if segment.live else None
    overlaps, uses = overlap.overlaps(segment), used.uses(segment)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": segment.name,
        "object": segment,
        "segment": segment,
        "is_list": segment.kind == Segment.Kind.LIST,
        "sentence": sentence(tree, catalogue=known) if tree and not segment.faults else "",
        "first_fault": health.first(segment),
        "days": _columns(days),
        "entered": sum(day.entered for day in days[-7:]),
        "left": sum(day.left for day in days[-7:]),
        "moved": [(each, names.get(each.profile_id), _told(each.why)) for each in moved],
        "causes": history.causes(segment, since=now - timedelta(days=CAUSES_DAYS)),
        "overlaps": overlaps[:OTHERS],
        "more_overlaps": overlaps[OTHERS:],
        "uses": uses,
        "holding": [use for use in uses if not use.is_over],
        "backlog": waiting.backlog(),
        "timed_percent": timing.progress(segment),
        "job": Job.objects.filter(kind__startswith="segment_", label__endswith=f"“{segment.name}”")
        .order_by("-pk")
        .first(),
        "draft": _draft(segment),
        "past": segment_past.told(segment, request.GET.get("at", ""), now=now),
        "history_days": settings.ATTUNE_SEGMENT_HISTORY_DAYS,
        "may_edit": admin.has_change_permission(request, segment),
        "may_export": in_clear,
    }
    return TemplateResponse(request, "attune/segment/page.html", context)


def tend(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Have a worker check or rebuild the segment."""
    segment = _changed(admin, request, object_id)
    step = request.POST.get("step", "")
    if step not in tending.STEPS:
        raise Http404("there is no such step")
    job = tending.ask(segment, step=step, actor=actor(request))
    tend_segment.delay_on_commit(segment.pk, step, job.pk)
    messages.success(request, f"{job.label}: a worker is at it. The result shows here.")
    return _back(segment)


def archive(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Put the segment away, unless something uses it."""
    segment = _changed(admin, request, object_id)
    holding = archiving.archive(segment, actor=actor(request), now=timezone.now())
    if holding:
        names = ", ".join(str(use) for use in holding)
        messages.warning(request, f"Not archived: used by {names}. Take it out there first.")
    else:
        messages.success(request, f"“{segment.name}” is archived. You can bring it back here.")
    return _back(segment)


def restore(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Bring the segment back and have a worker count it."""
    segment = _changed(admin, request, object_id)
    if archiving.restore(segment, actor=actor(request)):
        keep_segments.delay_on_commit()
        messages.success(request, f"“{segment.name}” is back and being counted.")
    return _back(segment)


def combine(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Make a draft of a segment from this one and another."""
    segment = found(admin, request, object_id)
    if not admin.has_add_permission(request):
        raise PermissionDenied
    ways = {"both": "and", "either": "or", "only": "without"}
    way, other = request.POST.get("way", ""), request.POST.get("other", "")
    second = Segment.objects.filter(slug=other).first()
    if way not in ways or second is None:
        raise Http404("there is no such combination")
    slug = f"{segment.slug}-{ways[way]}-{second.slug}"[:80]
    made, is_new = Segment.objects.get_or_create(
        slug=slug, defaults={"name": f"{segment.name} {ways[way]} {second.name}"[:120]}
    )
    if is_new:
        tree = overlap.combined(_way(way), own=segment.slug, others=[second.slug])
        content = {"tree": tree}
        try:
            publish.publisher.save_draft(made, content=content, author=actor(request))
        except ContentInvalid as refused:
            made.delete()
            messages.warning(request, f"Not made: {refused}")
            return _back(segment)
        messages.success(request, f"“{made.name}” is a draft. Look at it and put it live.")
    else:
        messages.info(request, f"“{made.name}” was made before. This is it.")
    return redirect("admin:personalization_segment_change", made.pk)


def _way(way: str) -> overlap.Way:
    return "both" if way == "both" else "either" if way == "either" else "only"


def enlist(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Put people on a list, or take them off, by pasted lines or a file."""
    segment = _changed(admin, request, object_id)
    file = request.FILES.get("file")
    text = file.read().decode("utf-8", errors="replace") if file else request.POST.get("lines", "")
    lines = lists.lines_of(text)
    try:
        if request.POST.get("step") == "remove":
            taken = lists.remove(segment, lines, actor=actor(request))
        else:
            taken = lists.add(segment, lines, actor=actor(request), now=timezone.now())
    except lists.NotAList as refused:
        messages.warning(request, str(refused))
        return _back(segment)
    keep_segments.delay_on_commit()
    words = "taken off" if request.POST.get("step") == "remove" else "put on the list"
    messages.success(request, f"{taken.changed:,} {words}; for {taken.known:,} nothing changed.")
    if taken.rejected:
        told = "; ".join(f"line {each.line}: {each.reason}" for each in taken.rejected[:10])
        more = f" … and {len(taken.rejected) - 10} more" if len(taken.rejected) > 10 else ""
        lines_led = "1 line" if len(taken.rejected) == 1 else f"{len(taken.rejected)} lines"
        messages.warning(request, f"{lines_led} led to nobody: {told}{more}")
    return _back(segment)


def rename(admin: Owner, request: HttpRequest, object_id: str) -> HttpResponse:
    """Call a list something else."""
    segment = _changed(admin, request, object_id)
    name = request.POST.get("name", "").strip()[:120]
    if segment.kind != Segment.Kind.LIST or not name:
        messages.warning(request, "Nothing was changed: a list needs a name.")
        return _back(segment)
    segment.name = name
    segment.description = request.POST.get("description", "").strip()
    segment.save(update_fields=["name", "description"])
    audit.note("segment.rename", actor=actor(request), target=segment)
    messages.success(request, f"The list is called “{name}” now.")
    return _back(segment)


def new_list(admin: Owner, request: HttpRequest) -> HttpResponse:
    """Begin a list."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    name, slug = request.POST.get("name", "").strip(), request.POST.get("slug", "").strip()
    if not name or not slug_re.match(slug) or Segment.objects.filter(slug=slug).exists():
        messages.warning(
            request,
            "A list needs a name, and a short name of letters, digits and - that no other "
            "segment has.",
        )
        return redirect("admin:personalization_segment_changelist")
    made = lists.create(slug=slug[:80], name=name[:120])
    return _back(made)


def found(admin: Owner, request: HttpRequest, object_id: str) -> Segment:
    segment = admin.get_object(request, object_id)
    if not isinstance(segment, Segment):
        raise Http404(f"there is no segment {object_id}")
    if not admin.has_view_permission(request, segment):
        raise PermissionDenied
    return segment


def _changed(admin: Owner, request: HttpRequest, object_id: str) -> Segment:
    segment = found(admin, request, object_id)
    if not admin.has_change_permission(request, segment):
        raise PermissionDenied
    return segment


def _back(segment: Segment) -> HttpResponse:
    return redirect("admin:personalization_segment_page", segment.pk)


def _columns(days: list[history.Day]) -> list[tuple[history.Day, float]]:
    highest = max((day.size for day in days), default=0) or 1
    return [(day, 100 * day.size / highest) for day in days]


def _told(why: dict[str, Any] | None) -> dict[str, Any]:
    told = why or {}
    return {
        "cause": history.cause_words(str(told.get("cause", ""))),
        "because": told.get("because", []),
        "event": (told.get("event") or {}).get("name", ""),
    }


def _draft(segment: Segment) -> difference.Difference | None:
    draft = segment.versions.filter(published_at=None).first()
    if draft is None or segment.live is None:
        return None
    try:
        return difference.difference(segment, tree=draft.content["tree"], now=timezone.now())
    except TreeError:
        # The field it speaks of is gone; opening the draft says so.
        return None


__all__ = [
    "archive",
    "combine",
    "enlist",
    "found",
    "new_list",
    "rename",
    "restore",
    "sheet",
    "tend",
]
