"""Store a batch of events: once each, orders not counted twice, no line lost for its product."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from personalization.commerce import state
from personalization.importing import event_parcels, event_rows, event_store
from personalization.importing.event_rows import EventRow
from personalization.importing.known import Catalogue
from personalization.importing.told_orders import ToldOrders
from personalization.ingest.reading import Reading
from personalization.ingest.tally import Tally, type_name
from personalization.models import Source

_NAME_LENGTH = 300

# Not active: nobody is recommended what we know by its number only.
_STUBS = """
INSERT INTO personalization_product
    (product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
     is_active, is_stub, is_sensitive, attributes, updated_at)
SELECT product_id, name, '', '', '', price, currency, '', '', true, false, true, false, '{}', %s
FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::text[])
    AS stub (product_id, name, price, currency)
ON CONFLICT (product_id) DO NOTHING
"""


def store(readings: Sequence[Reading], *, source: Source, now: datetime, tally: Tally) -> set[int]:
    """Write the events of people that are known, and return those whose state they change."""
    owners = [each.subject_id for each in readings if each.event]
    told = ToldOrders(source=source)
    events = told.once([each.event for each in readings if each.event])
    products = _products(readings, events=events, now=now)
    event_store.write(
        events,
        owners=owners,
        origins=[each.origin_id for each in readings if each.event],
        source=source,
        products=products,
        now=now,
    )
    _note_properties(readings, tally=tally)
    touched = zip(owners, events, strict=True)
    return {owner for owner, event in touched if state.concerns(event.name)}


def _products(
    readings: Iterable[Reading], *, events: Sequence[EventRow], now: datetime
) -> Mapping[str, int]:
    wanted = {line[1] for event in events for line in event.lines}
    found = Catalogue().learn(wanted)
    unknown = wanted - found.keys()
    if unknown:
        _add_stubs(unknown, readings=readings, now=now)
        found = Catalogue().learn(wanted)
    return found


def _add_stubs(unknown: Collection[str], *, readings: Iterable[Reading], now: datetime) -> None:
    """Put products that nobody told of into the catalogue, as far as their event names them."""
    stubs: dict[str, tuple[str, Decimal, str]] = {}
    for each in readings:
        if not each.event:
            continue
        names = _product_names(each.properties)
        for _, product, _, price in each.event.lines:
            if product in unknown and product not in stubs:
                name = names.get(product, product)[:_NAME_LENGTH]
                cost = Decimal(0) if price == event_parcels.NULL else Decimal(price)
                stubs[product] = (name, cost, each.event.currency or "")
    with connection.cursor() as cursor:
        keys = sorted(stubs)
        columns = zip(*(stubs[key] for key in keys), strict=True)
        cursor.execute(_STUBS, [now, keys, *map(list, columns)])


def _product_names(properties: Mapping[str, Any]) -> dict[str, str]:
    listed = properties.get("products")
    products = listed if isinstance(listed, list) else [properties]
    return {
        str(each["product_id"]).strip(): name.strip()
        for each in products
        if isinstance(each, dict)
        and "product_id" in each
        and isinstance(name := each.get("name"), str)
        and name.strip()
        and name.isprintable()
    }


def _note_properties(readings: Iterable[Reading], *, tally: Tally) -> None:
    counts = tally.properties
    is_identifier = event_rows.is_identifier
    for each in readings:
        if each.event:
            event = each.event.name
            for name, value in each.properties.items():
                counts[event, name, type_name(value), not is_identifier(name)] += 1
