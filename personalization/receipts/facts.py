"""Facts about a person as JSON and back, exactly, so that a rule can be asked again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from personalization.conditions.facts import EventFact, Facts, ItemFact
from personalization.conditions.tree import Compare, Happened, Node, walk

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def dump(facts: Facts, *, properties: frozenset[str]) -> dict[str, Any]:
    """Return what evaluation sees; of an event's properties only those that are asked for."""
    return {
        "values": dict(facts.values),
        "segments": sorted(facts.segments),
        "events": {
            name: [_dump_event(event, properties=properties) for event in history]
            for name, history in facts.events.items()
        },
    }


def load(kept: Mapping[str, Any], *, profile_id: int) -> Facts:
    """Return the facts that `dump` was given, apart from properties nobody asks for."""
    return Facts(
        profile_id=profile_id,
        values=kept["values"],
        events={
            name: [_load_event(name, event) for event in history]
            for name, history in kept.get("events", {}).items()
        },
        segments=frozenset(kept["segments"]),
    )


def properties_asked(trees: Iterable[Node]) -> frozenset[str]:
    """Return the names of all event properties that some trees look at."""
    found: set[str] = set()
    for tree in trees:
        for _, event, node in walk(tree):
            match node:
                case Compare(field=name) if event is not None:
                    found.add(name)
                case Happened(measure=measure) if measure.property is not None:
                    found.add(measure.property)
    return frozenset(found)


def _dump_event(event: EventFact, *, properties: frozenset[str]) -> list[Any]:
    asked = {name: value for name, value in event.properties.items() if name in properties}
    return [
        (event.occurred_at - _EPOCH) // _MICROSECOND,
        _dump_decimal(event.amount),
        asked,
        [_dump_item(item) for item in event.items],
        event.is_machine,
    ]


def _dump_item(item: ItemFact) -> list[Any]:
    return [
        item.product_id, item.category, item.brand, item.department, item.quantity,
        _dump_decimal(item.price),
    ]  # fmt: skip


def _load_event(name: str, kept: Sequence[Any]) -> EventFact:
    moment, amount, properties, items, is_machine = kept
    return EventFact(
        name=name,
        occurred_at=_EPOCH + moment * _MICROSECOND,
        amount=_load_decimal(amount),
        properties=properties,
        items=tuple(_load_item(item) for item in items),
        is_machine=is_machine,
    )


def _load_item(kept: Sequence[Any]) -> ItemFact:
    product_id, category, brand, department, quantity, price = kept
    return ItemFact(
        product_id,
        category=category,
        brand=brand,
        department=department,
        quantity=quantity,
        price=_load_decimal(price),
    )


def _dump_decimal(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _load_decimal(kept: str | None) -> Decimal | None:
    return None if kept is None else Decimal(kept)
