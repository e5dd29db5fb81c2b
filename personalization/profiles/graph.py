"""Everything one person is known by: all rows they are made of, and how these were joined."""

from collections.abc import Sequence
from dataclasses import dataclass

from consent import identifiers, merging
from consent.identifiers import Known
from consent.models import DataSubject, Merge


@dataclass(frozen=True, slots=True)
class Node:
    """One row of a person; `merge` is how it was joined to them, None for the living one."""

    subject: DataSubject
    known: Sequence[Known]
    merge: Merge | None
    # How many rows lie between this one and the living one.
    depth: int

    @property
    def is_visitor(self) -> bool:
        return all(each.kind == "Anonymous id" for each in self.known)


def of(subject_id: int, *, in_clear: bool) -> list[Node]:
    """Return the rows of a living person, the living one first (three queries)."""
    family = merging.families([subject_id])[subject_id]
    joined = Merge.objects.filter(pk__in=[each.pk for each in family.merges])
    merges = {each.absorbed_id: each for each in joined.select_related("actor")}
    subjects = DataSubject.objects.in_bulk(family.rows)
    known = identifiers.of_rows(list(subjects.values()), in_clear=in_clear)
    return [
        Node(
            subject=subjects[row],
            known=known[row],
            merge=merges.get(row),
            depth=len(family.above(row)),
        )
        for row in family.rows
    ]
