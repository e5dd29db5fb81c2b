"""Two customers whom a source calls one: noted once, decided by a human."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Q

from consent import audit
from consent.identify import Doubt
from consent.merging import Family
from consent.models import MergeProposal

State = MergeProposal.State

# What a human rejected stays rejected, however often it is seen again.
_NOTE = """
INSERT INTO consent_mergeproposal AS known
    (first_id, second_id, source, reason, state, seen_at, seen_count)
SELECT first_id, second_id, %s, reason, 'open', %s, 1
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS doubt (first_id, second_id, reason)
ON CONFLICT (first_id, second_id) DO UPDATE
SET seen_at = greatest(known.seen_at, EXCLUDED.seen_at), seen_count = known.seen_count + 1
"""


def note(doubts: Sequence[Doubt], *, source: str, now: datetime) -> None:
    """Ask a human whether these are one person; one statement."""
    ordered = sorted(doubts, key=lambda doubt: (doubt.first_id, doubt.second_id))
    first, second = [doubt.first_id for doubt in ordered], [doubt.second_id for doubt in ordered]
    reasons = [doubt.reason for doubt in ordered]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [source, now, first, second, reasons])


def settle(families: Collection[Family], *, now: datetime) -> None:
    """Close the proposals about people who are one by now."""
    rows = {row: family.living_id for family in families for row in family.rows}
    asked = MergeProposal.objects.filter(state=State.OPEN)
    about = asked.filter(first__in=rows, second__in=rows).values_list("pk", "first", "second")
    answered = [pk for pk, first, second in about if rows[first] == rows[second]]
    if answered:
        MergeProposal.objects.filter(pk__in=answered).update(state=State.MERGED, decided_at=now)


def reject(proposal: MergeProposal, *, actor: AbstractBaseUser, now: datetime) -> bool:
    """Note that these are two people, for good; say whether it was still open."""
    open_ = MergeProposal.objects.filter(pk=proposal.pk, state=State.OPEN)
    if not open_.update(state=State.REJECTED, decided_at=now, decided_by=actor.pk):
        return False
    audit.note(
        "identity.reject",
        actor=actor,
        target=proposal,
        pseudonym=proposal.first.pseudonym,
        detail={"other": str(proposal.second.pseudonym)},
    )
    return True


def reject_pair(
    one_id: int, other_id: int, *, actor: AbstractBaseUser | None, now: datetime
) -> None:
    """A merge that was undone answers what was asked about these two."""
    pair = Q(first=min(one_id, other_id), second=max(one_id, other_id))
    MergeProposal.objects.filter(pair).exclude(state=State.REJECTED).update(
        state=State.REJECTED, decided_at=now, decided_by=actor.pk if actor else None
    )
