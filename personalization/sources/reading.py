"""Read a foreign JSON by path: a value that cannot be taken is named with the path it stands at."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.core.exceptions import ValidationError

from consent.identity import normalise_email
from personalization.importing import values
from personalization.importing.values import CellError

LONGEST_LIST = 10_000
_ID_LENGTH = 100
_NO_VALUES = frozenset(("null", "none"))


def parse(body: bytes) -> "Node":
    """Return the root of a body, or raise the CellError of what is wrong with its JSON."""
    try:
        found = orjson.loads(body)
        orjson.dumps(found)
    except orjson.JSONDecodeError as error:
        raise CellError("body", f"is not JSON: {error.msg} at character {error.pos}") from None
    except TypeError:  # Deeper than can be written down again, or followed by whoever shows it.
        raise CellError("body", "is nested deeper than 254 levels") from None
    return Node(found)


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the JSON; what is not there is a place without a value."""

    value: Any
    path: str = ""

    def __getitem__(self, key: str) -> "Node":
        inside = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(inside, self._below(key))

    def at(self, path: str) -> "Node":
        """Follow a dotted path; a number counts in a list."""
        node = self
        for key in path.split("."):
            if isinstance(node.value, list) and key.isdecimal():
                place = int(key)
                inside = node.value[place] if place < len(node.value) else None
                node = Node(inside, node._below(key))
            else:
                node = node[key]
        return node

    def __bool__(self) -> bool:
        return not values.is_missing(self.value)

    def text(self, key: str, *, limit: int = 300) -> str:
        """Return a text, cut to what fits; an empty one where there is none."""
        node = self[key]
        if isinstance(node.value, str) and len(node.value) > limit:
            return values.text(node.value[:limit], column=node.path, limit=limit)
        return values.text(node.value, column=node.path, limit=limit)

    def id(self, key: str) -> str:
        """Return an id as text; ids of shops are numbers, and 0 is nobody's."""
        node = self[key]
        found = values.text(node.value, column=node.path, limit=_ID_LENGTH)
        return "" if found == "0" else found

    def needed_id(self, key: str, *, why: str) -> str:
        found = self.id(key)
        if not found:
            raise CellError(self._below(key), f"is missing: {why}")
        return found

    def money(self, key: str) -> Decimal | None:
        node = self[key]
        return values.money(node.value, column=node.path, digits=12) if node else None

    def price(self, key: str) -> Decimal | None:
        node = self[key]
        return values.price(node.value, column=node.path) if node else None

    def whole(self, key: str) -> int | None:
        """Return a count; below zero it is none, as shops oversell."""
        node = self[key]
        if not node:
            return None
        is_below = isinstance(node.value, int) and node.value < 0
        return 0 if is_below else values.whole(node.value, column=node.path)

    def moment(self, key: str, *, now: datetime, is_utc: bool = False) -> datetime | None:
        """Return a time, never after now; `is_utc` where the shop leaves the zone out."""
        node = self[key]
        if not node:
            return None
        value = node.value
        if is_utc and isinstance(value, str) and "+" not in value and not value.endswith("Z"):
            value = f"{value}Z"
        return min(values.moment(value, column=node.path, now=now), now)

    def milliseconds(self, key: str, *, now: datetime) -> datetime:
        """Return a time given in milliseconds since 1970, never after now."""
        node = self[key]
        if type(node.value) is not int or not 0 < node.value < 10**14:
            raise CellError(node.path, "is not a time in milliseconds since 1970")
        return min(datetime.fromtimestamp(node.value / 1000, tz=UTC), now)

    def email(self, key: str) -> str:
        """Return an address in its normal form; the fault quotes nothing of it."""
        address = self.text(key, limit=254)
        if not address or address.lower() in _NO_VALUES:
            return ""
        try:
            return normalise_email(address)
        except ValidationError:
            raise CellError(
                self._below(key), "is not an email address (the value is not shown)"
            ) from None

    def is_true(self, key: str) -> bool:
        return self[key].value is True

    def each(self, key: str) -> Iterator["Node"]:
        """Yield the elements of a list; nothing where there is none."""
        node = self[key]
        if node.value is None:
            return
        if not isinstance(node.value, list):
            raise CellError(node.path, "is not a list")
        if len(node.value) > LONGEST_LIST:
            raise CellError(node.path, f"has more than {LONGEST_LIST:,} elements")
        for number, value in enumerate(node.value):
            yield Node(value, f"{node.path}[{number}]")

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
