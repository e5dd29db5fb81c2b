"""Products as receipts name them, remembered by this process.

A key is the hash of its content: what was read once under it stays true.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from personalization.receipts import Part, PartAltered, parts

_MOST = 20_000

_remembered: dict[str, Mapping[str, Any]] = {}


def remember(shown: Iterable[Part]) -> None:
    """Spare reading what was stored a moment ago."""
    if len(_remembered) > _MOST:
        forget()
    for each in shown:
        _remembered[each.key] = each.content


def of(keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the products of these keys; what is gone or was altered is left out."""
    wanted = set(keys)
    found = {key: card for key in wanted if (card := _remembered.get(key)) is not None}
    missing = wanted - found.keys()
    if missing:
        try:
            found |= parts.fetch(missing)
        except PartAltered:
            # Whoever needs it is told so when the receipt is read.
            return found
        remember(Part(key, found[key]) for key in missing)
    return found


def forget() -> None:
    _remembered.clear()
