"""An order that is told twice is counted once: the second telling is an update."""

from collections.abc import Sequence

import orjson

from personalization.commerce import orders
from personalization.importing.event_rows import EventRow
from personalization.models import Source

ORDERED, UPDATED = "Order Completed", "Order Updated"
_LENGTH = 100
# Above this the memory is emptied, so it does not grow with the file.
KEPT = 200_000


class ToldOrders:
    """The orders of one id space that were told of: by others (asked a batch at a time), and now.

    A shop's server and the tracker of its pages tell of the same order under different message
    ids.
    """

    def __init__(self, *, source: Source) -> None:
        self._space = source.space
        self._told: set[str] = set()

    def once(self, events: Sequence[EventRow]) -> list[EventRow]:
        """Return the events, a repeated order under the name of an update (at most one query)."""
        numbers = [_number(event) if event.name == ORDERED else "" for event in events]
        named = {each for each in numbers if each}
        if not named:
            return list(events)
        if len(self._told) > KEPT:
            self._told.clear()
        self._told |= orders.known(named - self._told, id_space=self._space)
        return [self._one(event, number) for event, number in zip(events, numbers, strict=True)]

    def _one(self, event: EventRow, number: str, /) -> EventRow:
        if not number:
            return event
        if number in self._told:
            return event.renamed(UPDATED)
        self._told.add(number)
        return event


def _number(event: EventRow) -> str:
    """Return the number of the order that an event completes, empty where it has none."""
    found = orjson.loads(event.properties).get("order_id")
    return str(found)[:_LENGTH] if isinstance(found, str | int) else ""
