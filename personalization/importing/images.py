"""What stood in a row before an import wrote it, so that undoing can put it back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from consent import identity

Values = Mapping[str, Any]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Image:
    """The values an import changed: as they were, which were not there, and what it left.

    What it left is kept as a keyed hash: enough to see whether somebody changed it since.
    """

    before: dict[str, Any]
    absent: tuple[str, ...]
    after_hash: str

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.before, *self.absent)


def taken(old: Values, new: Values) -> Image:
    """Return the image of a change from one row to another, path by path."""
    changed = [
        name for name in sorted({*old, *new}) if old.get(name, _ABSENT) != new.get(name, _ABSENT)
    ]
    return Image(
        before={name: old[name] for name in changed if name in old},
        absent=tuple(name for name in changed if name not in old),
        after_hash=hashed(new, names=changed),
    )


def hashed(row: Values, *, names: Iterable[str]) -> str:
    """Return a keyed hash of the named values of a row; a value that is missing counts as such."""
    told = {name: [row[name]] if name in row else [] for name in names}
    return identity.blind_index("imported", orjson.dumps(told, option=_STABLE).decode())


def is_as_left(row: Values, image: Image) -> bool:
    """Tell whether a row still has what the import wrote there."""
    return hashed(row, names=image.names) == image.after_hash


def put_back(row: Values, image: Image) -> dict[str, Any]:
    """Return the row as it was before the import, other changes kept."""
    kept = {name: value for name, value in row.items() if name not in image.absent}
    return {**kept, **image.before}


def parts(row: Values, *, prefix: str) -> dict[str, Any]:
    """Return the values below a prefix, by their own names."""
    start = f"{prefix}."
    return {name.removeprefix(start): row[name] for name in row if name.startswith(start)}


def flat(values: Values, *, prefix: str) -> dict[str, Any]:
    """Write the values of a mapping as paths below a prefix."""
    return {f"{prefix}.{name}": value for name, value in values.items()}


_STABLE = orjson.OPT_SORT_KEYS
