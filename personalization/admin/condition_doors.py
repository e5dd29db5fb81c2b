"""What the condition builder asks while one edits. All by POST: no data of people in an address."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from consent import audit
from consent.models import DataSubject
from personalization.admin import condition_people, previews
from personalization.models import Segment
from personalization.profiles import people, suggestions
from personalization.segments import counts, explaining
from personalization.segments.preview import preview as read_condition

View = Callable[[HttpRequest], HttpResponse]
# Rules hold conditions, too, so who may see either may try one.
MAY_TRY: Final = ("personalization.view_segment", "personalization.view_ruleset")
MAY_SEE_CUSTOMERS: Final = "personalization.view_customerprofile"
PERSONAL: Final = "consent.view_personal_data"
SAMPLE: Final = 10
LONGEST_TERM: Final = 100


def urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """Return the addresses; `wrap` lets only staff through."""
    doors = {
        "preview": preview, "exact": exact, "parts": parts, "people": sample, "changes": changes,
        "values": values, "trace": trace,
    }  # fmt: skip
    return [
        path(f"{name}/", wrap(require_POST(_guarded(door))), name=f"personalization_segment_{name}")
        for name, door in doors.items()
    ]


def addresses() -> dict[str, str]:
    names = ("preview", "exact", "parts", "people", "changes", "trace")
    return {f"{name}Url": reverse(f"admin:personalization_segment_{name}") for name in names}


def _guarded(door: View) -> View:
    def checked(request: HttpRequest) -> HttpResponse:
        if not any(request.user.has_perm(permission) for permission in MAY_TRY):
            raise PermissionDenied
        return door(request)

    return checked


def preview(request: HttpRequest) -> JsonResponse:
    """Say the condition as a sentence, what is wrong with it, and about how many it holds for."""
    tree = previews.read(request).get("tree")
    found = read_condition(tree)
    estimate = None if found.problems else counts.estimate(tree, now=timezone.now())
    answer = {"sentence": found.sentence, "problems": previews.problems(found.problems)}
    return JsonResponse({**answer, **_told(estimate)})


def exact(request: HttpRequest) -> JsonResponse:
    """Count over everybody; no number where that takes longer than one will wait."""
    tree = previews.read(request).get("tree")
    if read_condition(tree).problems:
        return JsonResponse({"count": None})
    patience = counts.PATIENCE_MILLISECONDS
    counted = counts.exact(tree, now=timezone.now(), patience_milliseconds=patience)
    return JsonResponse({"count": counted})


def parts(request: HttpRequest) -> JsonResponse:
    """Say for how many customers each condition of the tree holds by itself."""
    tree = previews.read(request).get("tree")
    is_faulty = bool(read_condition(tree).problems)
    estimates = {} if is_faulty else counts.by_condition(tree, now=timezone.now())
    whole = estimates.get("")
    told = {
        at: {"value": each.value, "low": each.low, "high": each.high, "is_exact": each.is_exact}
        for at, each in estimates.items()
    }
    return JsonResponse({"parts": told, "total": whole.total if whole else 0})


def sample(request: HttpRequest) -> JsonResponse:
    """Show ten of whom it holds for, masked; in clear for who may and asks, which is noted.

    With a `change` it is ten of those who would enter or leave a live segment.
    """
    body = previews.read(request)
    tree = body.get("tree")
    if "change" in body:
        tree = _difference(tree, _live_tree(body)).get(str(body["change"]))
    is_faulty = bool(read_condition(tree).problems)
    if is_faulty or not request.user.has_perm(MAY_SEE_CUSTOMERS):
        return JsonResponse({"people": [], "may_unmask": False})
    may_unmask = request.user.has_perm(PERSONAL)
    in_clear = may_unmask and body.get("in_clear") is True
    ids = counts.sample(tree, now=timezone.now(), limit=SAMPLE)
    if in_clear and ids:
        detail = {"list": "sample of a condition", "count": len(ids)}
        audit.note("personal_data.view", actor=request.user, detail=detail)
    shown = condition_people.cards(ids, in_clear=in_clear, now=timezone.now())
    return JsonResponse({"people": shown, "may_unmask": may_unmask, "in_clear": in_clear})


def changes(request: HttpRequest) -> JsonResponse:
    """Say how many would enter and leave a live segment if it became this condition."""
    body = previews.read(request)
    found = changes_between(body.get("tree"), _live_tree(body))
    if found is None:
        return JsonResponse({"entering": None, "leaving": None})
    entering, leaving = map(_told, found)
    return JsonResponse({"entering": entering, "leaving": leaving})


def changes_between(draft: object, live: object) -> tuple[counts.Estimate, counts.Estimate] | None:
    """Estimate who would enter and leave; None where one of both cannot be counted."""
    if any(read_condition(tree).problems for tree in (draft, live)):
        return None
    now, differing = timezone.now(), _difference(draft, live)
    entering, leaving = (counts.estimate(tree, now=now) for tree in differing.values())
    return entering, leaving


def values(request: HttpRequest) -> JsonResponse:
    """Offer values that occur: of a field, or of a property of an event."""
    body = {key: str(value)[:200] for key, value in previews.read(request).items()}
    term = body.get("term", "")[:LONGEST_TERM].strip()
    now = timezone.now()
    if "event" in body:
        found = suggestions.of_property(body["event"], body.get("property", ""), term=term, now=now)
    else:
        found = suggestions.of_field(body.get("field", ""), term=term, now=now)
    told = [
        {"value": each.value, "label": each.label or each.value, "count": each.count}
        for each in found.values
    ]
    return JsonResponse({"values": told, "is_cut": found.is_cut})


def trace(request: HttpRequest) -> JsonResponse:
    """Say part by part why a customer, found by a whole address or number, is in or out."""
    if not request.user.has_perm(MAY_SEE_CUSTOMERS):
        raise PermissionDenied
    body = previews.read(request)
    ids = people.find(str(body.get("term", ""))[:LONGEST_TERM])
    if read_condition(body.get("tree")).problems:
        return JsonResponse({"error": "Finish the condition first; what is missing is marked."})
    if len(ids) != 1:
        return JsonResponse({"error": condition_people.not_one(len(ids))})
    now = timezone.now()
    found = explaining.trace(body["tree"], subject_id=ids[0], now=now)
    if found is None:
        return JsonResponse({"error": "This customer was erased or has no address."})
    subject = DataSubject.objects.get(pk=ids[0])
    audit.note("condition.trace", actor=request.user, target=subject, pseudonym=subject.pseudonym)
    person = condition_people.cards(ids, in_clear=False, now=now)[0]
    told = {part.path: condition_people.told(part, now=now) for part in found.parts}
    return JsonResponse({"is_in": found.is_in, "person": person, "trace": told})


def _live_tree(body: Mapping[str, Any]) -> object:
    segment = Segment.objects.select_related("live").filter(pk=_id(body.get("segment"))).first()
    return segment.live.content["tree"] if segment is not None and segment.live else None


def _difference(draft: object, live: object) -> dict[str, object]:
    return {"entering": {"all": [draft, {"not": live}]}, "leaving": {"all": [live, {"not": draft}]}}


def _id(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else 0


def _told(estimate: counts.Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {"count": None, "low": None, "high": None, "total": 0, "is_exact": False}
    return {
        "count": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "total": estimate.total,
        "is_exact": estimate.is_exact,
    }
