"""Two people side by side: what a human has to see to say whether they are one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from consent import gate, merging
from consent.models import DataSubject, Identifier, Merge
from consent.permission import Permission
from personalization.models import CustomerProfile, Event, SegmentMembership
from personalization.profiles import graph, holdings, people, sheet
from personalization.profiles.graph import Node
from personalization.profiles.holdings import Revenue
from personalization.profiles.people import Person
from personalization.profiles.sheet import Value


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two; `values` are masked and hidden as on the customer's own page."""

    person: Person
    subject: DataSubject
    profile: CustomerProfile | None
    nodes: Sequence[Node]
    values: Sequence[Value]
    permission: Permission
    revenue: Sequence[Revenue]
    event_count: int
    segment_count: int

    @property
    def order_count(self) -> int:
        return sum(each.order_count for each in self.revenue)

    @property
    def identifier_count(self) -> int:
        return sum(len(node.known) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class GoingBack:
    """What a row gets back when a merge is undone."""

    event_count: int
    identifier_count: int
    row_count: int


def sides(subject_ids: Sequence[int], *, in_clear: bool, now: datetime) -> list[Side]:
    """Look two people up, in the order asked."""
    subjects = DataSubject.objects.in_bulk(list(subject_ids))
    profiles = CustomerProfile.objects.in_bulk(list(subject_ids))
    found = people.of(subject_ids, in_clear=in_clear)
    permissions = gate.permissions(subject_ids, purpose=sheet.MARKETING, at=now)
    revenue = holdings.revenue(subject_ids)
    events = _counts(Event.objects.filter(profile_id__in=subject_ids).values_list("profile_id"))
    members = _counts(
        SegmentMembership.objects.filter(profile__in=subject_ids).values_list("profile")
    )
    return [
        Side(
            person=found[pk],
            subject=subjects[pk],
            profile=profiles.get(pk),
            nodes=graph.of(pk, in_clear=in_clear),
            values=_values(profiles.get(pk), person=found[pk], in_clear=in_clear),
            permission=permissions[pk],
            revenue=revenue.get(pk, []),
            event_count=events.get(pk, 0),
            segment_count=members.get(pk, 0),
        )
        for pk in subject_ids
    ]


def going_back(merge: Merge) -> GoingBack:
    """Count what undoing a merge gives back (three queries)."""
    living = merge.absorbed.merged_into_id or merge.absorbed_id
    rows = merging.families([living])[living].below(merge.absorbed_id)
    return GoingBack(
        event_count=Event.objects.filter(profile_id=living, origin_profile_id__in=rows).count(),
        identifier_count=Identifier.objects.filter(subject__in=rows).count(),
        row_count=len(rows) - 1,
    )


def _values(profile: CustomerProfile | None, *, person: Person, in_clear: bool) -> list[Value]:
    if profile is None:
        return []
    return [
        *sheet.details(profile, values=person.details, in_clear=in_clear),
        *sheet.attributes(profile, in_clear=in_clear),
    ]


def _counts(rows: "QuerySet[Any, tuple[int]]") -> dict[int, int]:
    return dict(rows.order_by().annotate(count=Count("*")))
