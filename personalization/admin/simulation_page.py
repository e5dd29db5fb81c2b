"""The page of a simulation: two versions over everybody as a job, and over one customer."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from consent import audit, jobs
from consent.admin.base import ModelAdmin, actor
from consent.models import Job
from personalization import drafts, tasks
from personalization.models import RuleSet, RuleSetVersion
from personalization.profiles import people
from personalization.rules import choices, simulate
from personalization.rules.publish import publisher
from personalization.rules.tracing import Traced, trace

Owner = ModelAdmin[RuleSet]
PERSONAL = "consent.view_personal_data"


def urls(admin: Owner) -> list[URLPattern]:
    wrap = admin.admin_site.admin_view

    def page_view(request: HttpRequest, object_id: int) -> HttpResponse:
        return page(admin, request, object_id)

    def progress_view(request: HttpRequest, object_id: int) -> HttpResponse:
        return progress(admin, request, object_id)

    place, name = "<int:object_id>/simulate/", "personalization_ruleset_simulate"
    return [
        path(place, wrap(page_view), name=name),
        path(f"{place}progress/", wrap(progress_view), name=f"{name}_progress"),
    ]


def page(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """GET shows the last result and, of one customer, the trace; POST begins, stops or finds."""
    ruleset = _ruleset(admin, request, object_id)
    versions = drafts.history(publisher, ruleset)
    if request.method == "POST":
        return _posted(admin, request, ruleset, versions=versions)
    before, after = _chosen(request, versions)
    job = simulate.latest(ruleset)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": f"Simulate {ruleset}",
        "object": ruleset,
        "ruleset": ruleset,
        "versions": versions,
        "before": before,
        "after": after,
        "may_start": admin.has_change_permission(request, ruleset),
        "job": job,
        "is_going_on": simulate.is_going_on(job, now=timezone.now()),
        **(_result(job) if job else {}),
        **_one(request, ruleset, numbers=(before, after)),
    }
    return TemplateResponse(request, "attune/simulation.html", context)


def progress(admin: Owner, request: HttpRequest, object_id: int) -> HttpResponse:
    """Tell a page that waits how far the simulation is."""
    job = simulate.latest(_ruleset(admin, request, object_id))
    if job is None:
        raise Http404
    return JsonResponse(
        {
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "is_going_on": simulate.is_going_on(job, now=timezone.now()),
        }
    )


def _posted(
    admin: Owner, request: HttpRequest, ruleset: RuleSet, *, versions: list[RuleSetVersion]
) -> HttpResponse:
    here = reverse("admin:personalization_ruleset_simulate", args=[ruleset.pk])
    before, after = _chosen(request, versions)
    if "find" in request.POST:
        found = people.find(request.POST.get("term", ""))
        if not found:
            messages.warning(request, "Nobody has exactly this address or customer number.")
        customer = f"&customer={found[0]}" if found else ""
        return redirect(f"{here}?before={before}&after={after}{customer}")
    if not admin.has_change_permission(request, ruleset):
        raise PermissionDenied
    job = simulate.latest(ruleset)
    is_going_on = simulate.is_going_on(job, now=timezone.now())
    if "stop" in request.POST and job is not None:
        jobs.cancel(job)
        messages.success(request, "It stops at the next step. What was counted so far stays.")
    elif is_going_on:
        messages.info(request, "A simulation of this ruleset is under way already.")
    elif before and after:
        made = simulate.ask(ruleset, before=before, after=after, actor=actor(request))
        tasks.simulate_ruleset.delay_on_commit(made.pk)
    return redirect(f"{here}?before={before}&after={after}")


def _ruleset(admin: Owner, request: HttpRequest, object_id: int) -> RuleSet:
    found = admin.get_object(request, str(object_id))
    if found is None:
        raise Http404(f"there is no ruleset {object_id}")
    if not admin.has_view_permission(request, found):
        raise PermissionDenied
    return found


def _chosen(request: HttpRequest, versions: list[RuleSetVersion]) -> tuple[int, int]:
    """Compare the newest version with the live one, unless others were chosen."""
    numbers = [version.number for version in versions]
    live = next((each.number for each in versions if each.state == "live"), 0)
    defaults = {"before": live or (numbers[-1] if numbers else 0), "after": max(numbers, default=0)}
    given = request.POST if request.method == "POST" else request.GET
    chosen = []
    for name, default in defaults.items():
        value = given.get(name, "")
        is_known = value.isdecimal() and len(value) < 9 and int(value) in numbers
        chosen.append(int(value) if is_known else default)
    return chosen[0], chosen[1]


def _result(job: Job) -> dict[str, Any]:
    """Put masked names to the samples: in one query, whatever the number of pairs."""
    pairs = job.result.get("pairs", [])
    ids = {pk for pair in pairs for pk in pair["samples"]}
    known = people.of(ids, in_clear=False) if ids else {}
    counted = job.result.get("people", 0)
    changed = job.result.get("changed", 0)
    return {
        "counted": counted,
        "changed": changed,
        "unchanged": counted - changed,
        "changed_percent": 100 * changed / counted if counted else 0,
        "pairs": [
            {
                **pair,
                "is_change": pair["before"] != pair["after"],
                "people": [(pk, known[pk].title) for pk in pair["samples"] if pk in known],
            }
            for pair in sorted(pairs, key=lambda each: each["before"] == each["after"])
        ],
        "job_versions": (job.cursor.get("before"), job.cursor.get("after")),
    }


def _one(request: HttpRequest, ruleset: RuleSet, *, numbers: tuple[int, int]) -> dict[str, Any]:
    """Trace both versions for the chosen customer; values only for who may see them."""
    given = request.GET.get("customer", "")
    if not given.isdecimal() or len(given) > 18:
        return {}
    subject_id = int(given)
    if not request.user.has_perm("personalization.view_customerprofile"):
        raise PermissionDenied
    in_clear = request.user.has_perm(PERSONAL)
    who = people.of([subject_id], in_clear=in_clear).get(subject_id)
    if who is None:
        raise Http404(f"there is no customer {subject_id}")
    if in_clear:
        detail = {"what": "simulation", "subject": subject_id}
        audit.note("personal_data.view", actor=request.user, target=ruleset, detail=detail)
    chosen = RuleSetVersion.objects.filter(of=ruleset, number__in=numbers)
    found = {version.number: version for version in chosen}
    now, called = timezone.now(), choices.called()
    sides: list[Traced | None] = [
        trace(found[number], subject_id=subject_id, now=now, called=called)
        for number in numbers
        if number in found
    ]
    return {"who": who, "sides": [side for side in sides if side], "in_clear": in_clear}
