"""What an import came to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows by outcome. `unchanged` were known already; their sum is the rows read."""

    loaded: int = 0
    unchanged: int = 0
    rejected: int = 0
    # Statements new in the consent ledger.
    consents: int = 0
    # Values of sensitive fields that were not kept for want of an explicit consent.
    refused_values: int = 0
    # Lines of events whose product is not in the catalogue.
    unknown_products: int = 0
    # Columns that nobody registered: named once, their values are not kept.
    left_out: frozenset[str] = frozenset()

    def __add__(self, other: Self) -> "Loaded":
        return Loaded(
            loaded=self.loaded + other.loaded,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
            consents=self.consents + other.consents,
            refused_values=self.refused_values + other.refused_values,
            unknown_products=self.unknown_products + other.unknown_products,
            left_out=self.left_out | other.left_out,
        )

    def figures(self) -> dict[str, object]:
        """Return the outcome as plain values, for a job's result and for JSON."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**found, "left_out": sorted(self.left_out)}


def batches(rows: Iterable[T], *, size: int) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
