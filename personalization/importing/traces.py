"""Who left traces of their own, besides what one import brought."""

from collections.abc import Collection
from typing import Any

from django.db.models import Q, QuerySet

from consent.models import (
    AuditEntry,
    ConsentRecord,
    ConsentState,
    DataSubject,
    Identifier,
    Merge,
    MergeProposal,
)
from consent.privacy import registry
from personalization.models import (
    CustomerProfile,
    ImportedRow,
    ImportRun,
    ProfileDue,
    SegmentMembership,
    SegmentPast,
    SegmentRecheck,
    SegmentTouch,
)

# What an import makes itself, what follows from it by itself, and looks at a page.
_FOLLOWS = {
    AuditEntry,
    ConsentRecord,
    ConsentState,
    CustomerProfile,
    DataSubject,
    Identifier,
    ImportedRow,
    MergeProposal,
    ProfileDue,
    SegmentMembership,
    SegmentPast,
    SegmentRecheck,
    SegmentTouch,
}


def of(subject_ids: Collection[int], *, run: ImportRun, identifiers: Collection[int]) -> set[int]:
    """Return those of whom anything else is known: a query for each model that holds people.

    `identifiers` are those that came with the import.
    """
    ids = list(subject_ids)
    found = set(
        DataSubject.objects.filter(pk__in=ids)
        .filter(~Q(merged_into=None) | Q(merged__isnull=False))
        .values_list("pk", flat=True)
    )
    own: tuple[QuerySet[Any], ...] = (
        Identifier.objects.filter(subject__in=ids).exclude(pk__in=identifiers),
        ConsentRecord.objects.filter(subject__in=ids).exclude(evidence__import=run.pk),
        ImportedRow.objects.filter(subject_id__in=ids).exclude(run=run),
    )
    for rows in own:
        found |= set(rows.order_by().values_list("subject_id", flat=True))
    for side in ("first", "second"):
        proposals = MergeProposal.objects.filter(**{f"{side}__in": ids}).order_by()
        found |= set(proposals.values_list(side, flat=True))
    # Also one that was undone: its record stays.
    absorbed = Merge.objects.filter(absorbed__in=ids).order_by()
    found |= set(absorbed.values_list("absorbed", flat=True))
    for claim in registry.claims():
        if claim.model not in _FOLLOWS:
            held = claim.model._default_manager.filter(**{f"{claim.path}__in": ids}).order_by()
            found |= set(held.values_list(claim.path, flat=True).distinct())
    return found
