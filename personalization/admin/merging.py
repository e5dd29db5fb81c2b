"""The same person? What sources call one is decided here; and every merge can be undone."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import SimpleListFilter, display, register
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from consent import audit
from consent.admin.base import CappedPaginator, ChangeList, SheetAdmin, actor
from consent.admin.look import Tone, chip, quiet, two_lines, when
from consent.identify.placing import BY_ALIAS
from consent.models import DataSubject, Merge, MergeProposal
from personalization.admin.customer import DECIDE, PERSONAL
from personalization.merging import merge as joining
from personalization.merging import proposals
from personalization.merging.merge import MergeRefused
from personalization.profiles import pair, people
from personalization.profiles.people import Person

PROPOSALS: Final = "admin:consent_mergeproposal_changelist"
CUSTOMER: Final = "admin:personalization_customerprofile_change"
STATES: dict[str, Tone] = {"open": "warn", "merged": "good", "rejected": "quiet"}
PEOPLE: Final = "attune_people"


class PairList(ChangeList):
    """Loads the names of both people of every row of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        in_clear = request.user.has_perm(PERSONAL)
        found = people.of({pk for row in rows for pk in _pair(row)}, in_clear=in_clear)
        for row in rows:
            setattr(row, PEOPLE, tuple(found[pk] for pk in _pair(row)))
        if in_clear and rows:
            detail = {"list": self.opts.model_name, "count": len(rows)}
            audit.note("personal_data.view", actor=request.user, detail=detail)
        self.result_list = rows


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("joined", "Joined"), ("undone", "Undone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Merge]) -> QuerySet[Merge]:
        match self.value():
            case "joined":
                return queryset.filter(undone_at=None)
            case "undone":
                return queryset.exclude(undone_at=None)
            case _:
                return queryset


@register(MergeProposal)
class MergeProposalAdmin(SheetAdmin[MergeProposal]):
    change_form_template = "attune/same_person.html"
    list_display = ("both", "why", "state_shown", "seen")
    list_filter = ("state", "source")
    list_select_related = ("first", "second")
    paginator = CappedPaginator
    # What waits for an answer first.
    ordering = (Case(When(state="open", then=0), default=1), "-seen_at", "pk")
    empty_state = {
        "icon": "group_add",
        "title": "Nobody to tell apart",
        "text": "When a source gives the number of one customer with the address of another, both "
        "stay as they are and the question lands here: is this one person? Only you decide.",
    }

    class Media:
        css = {"all": ("attune/people.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PairList

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        name = "consent_mergeproposal_decide"
        return [path("<int:object_id>/decide/", decide, name=name), *super().get_urls()]

    def decide_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Join the two, after a look at what that does, or note that they are two."""
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        rows = MergeProposal.objects.select_related("first", "second")
        proposal = get_object_or_404(rows, pk=object_id)
        if request.POST.get("answer") == "reject":
            return self._reject(request, proposal)
        kept, absorbed = _chosen(proposal, keep=request.POST.get("keep", ""))
        if request.POST.get("sure") != "yes":
            return self._ask(request, proposal, kept=kept, absorbed=absorbed)
        try:
            joining.merge(
                kept,
                absorbed,
                reason=Merge.Reason.DECIDED,
                source=proposal.source,
                actor=actor(request),
                now=timezone.now(),
            )
        except MergeRefused as problem:
            messages.error(request, str(problem))
            return redirect("admin:consent_mergeproposal_change", object_id)
        messages.success(request, "They are one customer now. You can undo it on this page.")
        return redirect(CUSTOMER, kept)

    def _reject(self, request: HttpRequest, proposal: MergeProposal) -> HttpResponse:
        if proposals.reject(proposal, actor=actor(request), now=timezone.now()):
            messages.success(request, "Noted: they are two people. You will not be asked again.")
        else:
            messages.warning(request, "This was decided before; nothing was changed.")
        return redirect(PROPOSALS)

    def _ask(
        self, request: HttpRequest, proposal: MergeProposal, *, kept: int, absorbed: int
    ) -> HttpResponse:
        in_clear = request.user.has_perm(PERSONAL)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Make them one customer?",
            "media": self.media,
            "original": proposal,
            "keep": request.POST.get("keep", "first"),
            "sides": pair.sides([kept, absorbed], in_clear=in_clear, now=timezone.now()),
        }
        return TemplateResponse(request, "attune/same_person_sure.html", context)

    def page_of(self, request: HttpRequest, row: MergeProposal) -> dict[str, Any]:
        ids = _living(row.first, row.second)
        if ids[0] == ids[1]:
            return {"living_id": ids[0]}
        in_clear = request.user.has_perm(PERSONAL)
        sides = pair.sides(ids, in_clear=in_clear, now=timezone.now())
        if in_clear:
            for side in sides:
                pseudonym = side.subject.pseudonym
                audit.note(
                    "personal_data.view", actor=request.user, target=row, pseudonym=pseudonym
                )
        return {
            "sides": list(zip(("first", "second"), sides, strict=True)),
            "state_chip": chip(row.get_state_display(), tone=STATES[row.state]),
            "in_clear": in_clear,
            "may_decide": request.user.has_perm(DECIDE),
            "subtitle": "The same person?",
        }

    @display(description="People")
    def both(self, row: MergeProposal) -> SafeString:
        return _both(row)

    @display(description="Why it is asked")
    def why(self, row: MergeProposal) -> SafeString:
        times = "once" if row.seen_count == 1 else f"{row.seen_count} times"
        what = "Two numbers" if row.reason == BY_ALIAS else "Number and address"
        return two_lines(what, f"{row.source or 'a source'} · seen {times}")

    @display(description="State", ordering="state")
    def state_shown(self, row: MergeProposal) -> SafeString:
        return chip(row.get_state_display(), tone=STATES[row.state])

    @display(description="Last seen", ordering="seen_at")
    def seen(self, row: MergeProposal) -> SafeString:
        return when(row.seen_at)


@register(Merge)
class MergeAdmin(SheetAdmin[Merge]):
    change_form_template = "attune/merge.html"
    list_display = ("both", "why", "by", "joined", "state_shown")
    list_filter = (StateFilter, "reason", "source")
    list_select_related = ("kept", "absorbed", "actor")
    paginator = CappedPaginator
    ordering = ("-pk",)
    empty_state = {
        "icon": "merge",
        "title": "Nobody was merged yet",
        "text": "A visitor who says who they are becomes the customer they name; what they did "
        "before counts for the customer. Each time is noted here and can be undone.",
    }

    class Media:
        css = {"all": ("attune/people.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        return super().get_queryset(request).defer("before")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PairList

    def get_urls(self) -> list[URLPattern]:
        undo = self.admin_site.admin_view(require_POST(self.undo_view))
        name = "consent_merge_undo"
        return [path("<int:object_id>/undo/", undo, name=name), *super().get_urls()]

    def undo_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Part two again; the page of the merge said before what goes back."""
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        made = get_object_or_404(Merge, pk=object_id)
        try:
            joining.unmerge(made.pk, actor=actor(request), now=timezone.now())
        except MergeRefused as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, "They are two again, each with what is theirs.")
        return redirect("admin:consent_merge_change", object_id)

    def page_of(self, request: HttpRequest, row: Merge) -> dict[str, Any]:
        in_clear = request.user.has_perm(PERSONAL)
        found = people.of(_pair(row), in_clear=in_clear)
        return {
            "kept": found[row.kept_id],
            "absorbed": found[row.absorbed_id],
            "back": None if row.undone_at else pair.going_back(row),
            "state_chip": _merge_chip(row),
            "may_part": request.user.has_perm(DECIDE) and row.undone_at is None,
            "in_clear": in_clear,
            "subtitle": "Merge",
        }

    @display(description="People")
    def both(self, row: Merge) -> SafeString:
        return _both(row)

    @display(description="Why", ordering="reason")
    def why(self, row: Merge) -> SafeString:
        return two_lines(row.get_reason_display(), row.source or "–")

    @display(description="By")
    def by(self, row: Merge) -> SafeString:
        return quiet(row.actor or "the system")

    @display(description="When", ordering="at")
    def joined(self, row: Merge) -> SafeString:
        return when(row.at)

    @display(description="State")
    def state_shown(self, row: Merge) -> SafeString:
        return _merge_chip(row)


def _merge_chip(row: Merge) -> SafeString:
    return chip("Undone") if row.undone_at else chip("Joined", tone="info")


def _pair(row: Any) -> tuple[int, int]:
    return (
        (row.kept_id, row.absorbed_id) if isinstance(row, Merge) else (row.first_id, row.second_id)
    )


def _both(row: MergeProposal | Merge) -> SafeString:
    first, second = getattr(row, PEOPLE)
    is_alike = first.title == second.title
    return two_lines(_named(first, is_alike=is_alike), _named(second, is_alike=is_alike))


def _named(person: Person, *, is_alike: bool) -> str:
    """Return a name; two of one name are told apart by their addresses."""
    return f"{person.title} · {person.email}" if is_alike and person.email else person.title


def _living(first: DataSubject, second: DataSubject) -> tuple[int, int]:
    return first.merged_into_id or first.pk, second.merged_into_id or second.pk


def _chosen(proposal: MergeProposal, *, keep: str) -> tuple[int, int]:
    """Return who is kept and who is absorbed."""
    first, second = _living(proposal.first, proposal.second)
    return (second, first) if keep == "second" else (first, second)
