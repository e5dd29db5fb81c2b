"""Which rows are one person now, and in which order they were joined."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from consent.models import DataSubject, Merge


@dataclass(frozen=True, slots=True)
class Family:
    """All rows that are one person now, and the merges that made them one, oldest first."""

    living_id: int
    merges: tuple[Merge, ...] = ()

    def below(self, row_id: int) -> list[int]:
        """Return a row and all that were joined to it, in the order in which their values count."""
        joined = [each.absorbed_id for each in self.merges if each.kept_id == row_id]
        return [row_id, *(row for absorbed in joined for row in self.below(absorbed))]

    def above(self, row_id: int) -> list[int]:
        """Return a row and those it came through to the living one, which is left out."""
        into = {each.absorbed_id: each.kept_id for each in self.merges}
        found = []
        while row_id in into:
            found.append(row_id)
            row_id = into[row_id]
        return found

    @property
    def rows(self) -> list[int]:
        return self.below(self.living_id)


def families(living_ids: Collection[int]) -> dict[int, Family]:
    """Return everybody's rows and merges (one query); who was never joined is alone."""
    found: dict[int, list[Merge]] = defaultdict(list)
    holding = Merge.objects.filter(undone_at=None, absorbed__merged_into__in=living_ids)
    rows = holding.select_related("absorbed").order_by("pk")
    for merge in rows.defer("absorbed__wrapped_key"):
        if merge.absorbed.merged_into_id is not None:
            found[merge.absorbed.merged_into_id].append(merge)
    return {living: Family(living, tuple(found[living])) for living in living_ids}


def family_of(row_id: int) -> Family:
    """Return the person that a row is now."""
    merged_into = DataSubject.objects.values_list("merged_into", flat=True).get(pk=row_id)
    living = merged_into or row_id
    return families([living])[living]
