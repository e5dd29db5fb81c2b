"""Subjects: the legal person behind a customer, by pseudonym, with what they allowed and when."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter, display, register
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from consent import audit, gate
from consent.admin.base import CappedPaginator, SheetAdmin
from consent.admin.look import chip, when
from consent.identifiers import of_subject
from consent.models import DataSubject
from consent.standing import by_purpose

PERSONAL = "consent.view_personal_data"


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("living", "Living"), ("erased", "Erased"), ("merged", "Merged")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[DataSubject]
    ) -> QuerySet[DataSubject]:
        match self.value():
            case "living":
                return queryset.filter(erased_at=None, merged_into=None)
            case "erased":
                return queryset.exclude(erased_at=None)
            case "merged":
                return queryset.exclude(merged_into=None)
            case _:
                return queryset


@register(DataSubject)
class DataSubjectAdmin(SheetAdmin[DataSubject]):
    change_form_template = "attune/subject.html"
    list_display = ("pseudonym", "state", "created", "erased")
    list_filter = (StateFilter,)
    search_fields = ("pseudonym__exact",)
    search_help_text = "Search by the whole pseudonym."
    paginator = CappedPaginator
    ordering = ("-pk",)
    empty_state = {
        "icon": "person",
        "title": "Nobody yet",
        "text": "A subject is the person the law speaks of: a random pseudonym, a key of their "
        "own, and what they allowed. Subjects come with customers and events.",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataSubject]:
        return super().get_queryset(request).defer("wrapped_key")

    @display(description="State")
    def state(self, subject: DataSubject) -> SafeString:
        return state_chip(subject)

    @display(description="Known since", ordering="created_at")
    def created(self, subject: DataSubject) -> SafeString:
        return when(subject.created_at)

    @display(description="Erased", ordering="erased_at")
    def erased(self, subject: DataSubject) -> SafeString:
        return when(subject.erased_at) if subject.erased_at else SafeString("–")

    def page_of(self, request: HttpRequest, subject: DataSubject) -> dict[str, Any]:
        in_clear, now = request.user.has_perm(PERSONAL), timezone.now()
        if in_clear and subject.wrapped_key is not None:
            pseudonym = subject.pseudonym
            audit.note(
                "personal_data.view", actor=request.user, target=subject, pseudonym=pseudonym
            )
        return {
            "in_clear": in_clear,
            "identifiers": of_subject(subject, in_clear=in_clear),
            "standings": by_purpose(subject, at=now),
            "permission": gate.ask(subject, purpose="email_marketing", at=now),
            "state_chip": state_chip(subject),
        }


def state_chip(subject: DataSubject) -> SafeString:
    if subject.erased_at:
        return chip("Erased")
    if subject.merged_into_id:
        return chip("Merged", tone="info")
    return chip("Living", tone="good")
