"""Receipts: what was decided for one person, from what, and why; enough to decide it again."""

from personalization.receipts.digest import digest
from personalization.receipts.open import Inputs, open_inputs
from personalization.receipts.packing import PLACE
from personalization.receipts.parts import Part, PartAltered, part
from personalization.receipts.record import Entry, record, rows, store_parts

__all__ = [
    "PLACE", "Entry", "Inputs", "Part", "PartAltered", "digest", "open_inputs", "part", "record",
    "rows", "store_parts",
]  # fmt: skip
