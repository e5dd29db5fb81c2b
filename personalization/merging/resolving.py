"""Whose the events of a batch are; visitors who say who they are join the customer they name."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from consent import identify
from consent.identify import Found, Names
from consent.models import Merge
from personalization.merging import proposals
from personalization.merging.merge import Pair, merge_many


@transaction.atomic
def resolve(people: Sequence[Names], *, source: str, now: datetime) -> Found:
    """Return the person of each row, in a constant number of queries; never None.

    The order of the batch holds, and `subject_ids` are who people are at its end: events of a
    visitor before the line that names them count for the customer, too. `origin_ids` are the rows
    the names stand at; an event stored with its origin goes back to it when a merge is undone.
    `source` says whose customer numbers these are (`Source.space`).

    Two known customers whom a line calls one stay two: the number decides whose event it is, and
    a proposal waits for a human.
    """
    found = identify.meet(people, source=source)
    if found.joinings:
        pairs = [
            Pair(
                kept_id=each.kept_id,
                absorbed_id=each.absorbed_id,
                reason=Merge.Reason.ALIASED if each.is_alias else Merge.Reason.IDENTIFIED,
            )
            for each in found.joinings
        ]
        merge_many(pairs, source=source, actor=None, now=now)
    if found.doubts:
        proposals.note(found.doubts, source=source, now=now)
    return found
